// SPDX-License-Identifier: GPL-3.0-only
// Fills registers of every group with known values, then reaches the label `filled`.
#include <stdint.h>
#include <stdio.h>

static const float floats[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const double doubles[4] = {1.5, -2.5, 1e100, 0.1};
uint64_t after[2];

int main(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    __asm__ volatile("vpternlogd $0xFF, %%zmm17, %%zmm17, %%zmm17\n kxnorw %%k1, %%k1, %%k3" : : : "memory");
  if (__builtin_cpu_supports("avx"))
    __asm__ volatile("vmovups %0, %%ymm2\n vmovupd %1, %%ymm9" : : "m"(floats), "m"(doubles));
  else
    __asm__ volatile("movups %0, %%xmm2" : : "m"(floats));
  __asm__ volatile(
      "fldpi\n fld1\n fldl2e\n"
      "mov $0x1111111111111111, %%rbx\n mov $0x2222222222222222, %%r12\n"
      "mov $0x3333333333333333, %%r13\n mov $0x4444444444444444, %%rsi\n"
      "mov $0x5555555555555555, %%rdi\n mov $0x6666666666666666, %%r8\n"
      "mov $0x7777777777777777, %%r9\n mov $0x0123456789abcdef, %%rax\n"
      "stc\n"
      ".globl filled\n filled: nop\n"
      "mov %%rax, %0\n mov %%rbx, %1\n"
      "fstp %%st\n fstp %%st\n fstp %%st\n"
      : "=m"(after[0]), "=m"(after[1])
      :
      : "rax", "rbx", "rsi", "rdi", "r8", "r9", "r12", "r13", "cc", "memory");
  printf("rax %lx, rbx %lx\n", (long)after[0], (long)after[1]);
  return 0;
}
