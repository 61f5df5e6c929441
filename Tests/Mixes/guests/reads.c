// SPDX-License-Identifier: GPL-3.0-only
// Reads of one place, writes of it, and what does both. Behind each instruction that reads it stands a label
// read_N, behind one that writes it and its neighbour `both`; a repeated one has it before itself, where it stands between two rounds.
#include <stdio.h>

long place[2] __attribute__((aligned(16))) = {1, 2};
long other[2] __attribute__((aligned(16))) = {7, 8};

__attribute__((noinline, noclone)) static void plain(void) {
  __asm__ volatile(
      "movq $5, place\n"
      "movq place, %%rax; read_01:\n"
      "movq $5, place\n"
      "incq place; read_02:\n"
      "movups %%xmm0, place; both:\n"
      "movups place, %%xmm1; read_03:\n"
      "sete place\n"
      "btsq $3, place; read_04:\n"
      "cmpxchgq %%rcx, place; read_05:\n"
      "xchgq %%rcx, place; read_06:\n"
      "movq (%%rdx), %%rdx; read_07:\n"
      "pushq place; read_08:\n"
      "popq place\n"
      :
      : "d"(place)
      : "rax", "rcx", "xmm1", "memory", "cc");
}

__attribute__((noinline, noclone)) static void strings(void) {
  __asm__ volatile(
      "leaq place, %%rsi; leaq other, %%rdi; movsq; read_09:\n"
      "leaq other, %%rsi; leaq place, %%rdi; movsq\n"
      "std; leaq place, %%rsi; leaq other, %%rdi; movsq; read_10:\n"
      "leaq other, %%rsi; leaq place, %%rdi; movsq; cld\n"
      "leaq place, %%rdi; leaq other, %%rsi; cmpsq; read_11:\n"
      "leaq place, %%rdi; movl $2, %%ecx; rep stosq\n"
      "leaq other, %%rsi; leaq place, %%rdi; movl $2, %%ecx; rep movsq\n"
      "leaq place, %%rsi; leaq other, %%rdi; movl $2, %%ecx; read_12: rep movsq\n"
      :
      :
      : "rax", "rcx", "rsi", "rdi", "memory", "cc");
}

int main(void) {
  plain();
  strings();
  printf("wrong: %d\n", other[1] != place[1]);
  return 0;
}
