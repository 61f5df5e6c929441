// SPDX-License-Identifier: GPL-3.0-only
// groups: smc flags
// build: -O1
// Code that runs with the alignment check switched on (the flag AC), at every alignment of its own, near
// and far: what makes no unaligned access natively must not fault.
#include "check.h"
#include <sys/mman.h>

// Calls code with AC set; nothing in between touches memory but aligned stack words.
__attribute__((naked, noinline)) static long callAligned(__attribute__((unused)) long (*code)(void)) {
  __asm__("pushq %rbx\n"
          "pushfq\n orq $0x40000, (%rsp)\n popfq\n"
          "call *%rdi\n"
          "pushfq\n popq %rbx\n"
          "pushfq\n andq $~0x40000, (%rsp)\n popfq\n"
          "shrq $18, %rbx\n andq $1, %rbx\n"
          "leaq (%rax,%rbx), %rax\n"
          "popq %rbx\n"
          "ret\n");
}

static void run(unsigned char *page, long value) {
  for (int offset = 0; offset < 17; offset++) {
    unsigned char *at = page + offset;
    // mov eax, value ; add eax, 1 ; jmp +3 ; (3 bytes) ; add eax, 1 ; ret
    unsigned char code[] = {0xb8, 0, 0, 0, 0, 0x83, 0xc0, 1, 0xeb, 3, 0xcc, 0xcc, 0xcc, 0x83, 0xc0, 1, 0xc3};
    memcpy(code + 1, &(int){(int)value + offset}, 4);
    memcpy(at, code, sizeof code);
    CHECK_EQUAL(callAligned((long (*)(void))at), value + offset + 3);
  }
}

int main(void) {
  int all = PROT_READ | PROT_WRITE | PROT_EXEC;
  unsigned char *near = mmap(NULL, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *far = mmap((void *)0x200000000000, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(near != MAP_FAILED && far != MAP_FAILED);
  run(near, 1000);
  run(far, 2000);
  return verdict();
}
