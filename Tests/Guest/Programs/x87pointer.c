// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency hard
// build: -O1
// The address of the last x87 instruction, which fnstenv, fxsave and xsave store, is the original.
#include "check.h"

static uint8_t area[4096] __attribute__((aligned(64)));
static uint32_t environment[7];
extern char faddHere[], fsqrtHere[];

int main(void) {
  for (int i = 0; i < 5; i++) {
    __asm__ volatile("fninit\n fld1\n fld1\n.globl faddHere\nfaddHere: faddp\n fnstenv %0\n fxsave64 %1\n"
                     "fldenv %0\n fstp %%st(0)" : "=m"(environment), "=m"(area));
    uint64_t stored = *(uint64_t *)(area + 8);
    // Some processors keep the pointers only while an exception is pending: then they are zero.
    CHECK(stored == 0 || stored == (uint64_t)faddHere);
    CHECK(environment[3] == 0 || environment[3] == (uint32_t)(uint64_t)faddHere);
    memset(area, 0, sizeof area);
    __asm__ volatile("fninit\n fld1\n jmp 1f\n.globl fsqrtHere\n1:\nfsqrtHere: fsqrt\n"
                     "mov $1, %%eax\n xor %%edx, %%edx\n xsave64 %0\n fstp %%st(0)"
                     : "+m"(area) : : "rax", "rdx");
    stored = *(uint64_t *)(area + 8);
    CHECK(stored == 0 || stored == (uint64_t)fsqrtHere);
  }
  return verdict();
}
