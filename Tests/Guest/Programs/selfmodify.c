// SPDX-License-Identifier: GPL-3.0-only
// groups: smc
// build: -O1 -Wl,-z,norelro
// A block that changes an instruction just ahead of itself, a loop that changes its own immediate,
// and the program's own text made writable and patched while it runs.
#include "check.h"
#include <sys/mman.h>

uint64_t changesAhead(uint64_t value), changesLoop(uint64_t turns);
uint64_t patched(void);
extern char changesAheadSpot[], patchedSpot[], smcBegin[], smcEnd[];

__asm__(".balign 4096\nsmcBegin:\n"
        // Stores the low byte of rdi into the immediate four bytes further on.
        "changesAhead:\n"
        "  mov %dil, changesAheadSpot+1(%rip)\n"
        "changesAheadSpot: mov $0, %eax\n ret\n"
        "changesLoop:\n"
        "  xor %eax, %eax\n mov $1, %ecx\n"
        "1: mov %ecx, 2f+1(%rip)\n"
        "2: add $0x11223344, %eax\n"
        "  inc %ecx\n dec %rdi\n jnz 1b\n ret\n"
        "patched:\n"
        "patchedSpot: mov $1, %eax\n ret\n"
        ".balign 4096\nsmcEnd:\n");

int main(void) {
  uint64_t size = (uint64_t)(smcEnd - smcBegin);
  CHECK_EQUAL(patched(), 1);
  CHECK(mprotect(smcBegin, size, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
  for (uint64_t i = 0; i < 500; i++) CHECK_EQUAL(changesAhead(i), i & 255);
  CHECK_EQUAL(changesLoop(300), 300 * 301 / 2);
  for (int i = 0; i < 100; i++) {
    patchedSpot[1] = (char)i;
    CHECK_EQUAL(patched(), i);
  }
  patchedSpot[0] = (char)0xbb;  // mov to ebx instead, then back.
  patchedSpot[0] = (char)0xb8;
  CHECK(mprotect(smcBegin, size, PROT_READ | PROT_EXEC) == 0);
  CHECK_EQUAL(patched(), 99);
  return verdict();
}
