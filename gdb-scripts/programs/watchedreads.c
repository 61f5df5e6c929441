// SPDX-License-Identifier: GPL-3.0-only
// Reads of one place by instructions of many kinds, and what only looks like one.
#include <stdio.h>

long place[2] __attribute__((aligned(16))) = {3, 4};
static char table[64] __attribute__((aligned(64)));
static long sum;

__attribute__((noinline)) static void plain(void) {
  long got;
  __asm__ volatile("movq %1, %0" : "=r"(got) : "m"(place[0]));
  sum += got;
  __asm__ volatile("nopl %0" : : "m"(place[0]));
  __asm__ volatile("prefetcht0 %0" : : "m"(place[0]));
  __asm__ volatile("leaq %1, %0" : "=r"(got) : "m"(place[0]));
  __asm__ volatile("movq %1, %0" : "=r"(got) : "m"(place[1]));
  __asm__ volatile("cmpl $3, %0" : : "m"(place[0]) : "cc");
  __asm__ volatile("movzbl %0, %%eax" : : "m"(*((char *) place + 7)) : "rax");
  __asm__ volatile("addq %1, %0" : "+r"(sum) : "m"(place[0]) : "cc");
  __asm__ volatile("movdqa %0, %%xmm1" : : "m"(place[0]) : "xmm1");
  __asm__ volatile("fildll %0; fstp %%st(0)" : : "m"(place[0]));
}

__attribute__((noinline)) static void strings(void) {
  char *source = (char *) place - 3;
  long count = 9;
  __asm__ volatile("rep movsb" : "+S"(source), "+c"(count) : "D"(table) : "memory");
  source = (char *) place + 5;
  __asm__ volatile("lodsw" : "+S"(source) : : "rax");
  source = (char *) place - 2;
  count = 20;
  __asm__ volatile("movb $3, %%al; repne scasb" : "+D"(source), "+c"(count) : : "rax", "cc");
}

__attribute__((noinline)) static void others(void) {
  __asm__ volatile("movl $8, %%eax; xlatb" : : "b"((char *) place - 8) : "rax");
  __asm__ volatile("btq %1, %0" : : "m"(place[1]), "r"(-64L) : "cc");
  __asm__ volatile("pushq %0; popq %%rax" : : "m"(place[0]) : "rax");
  __asm__ volatile("cmpxchgq %1, %0" : "+m"(place[0]) : "r"(1L), "a"(99L) : "cc");
}

__attribute__((noinline, target("avx2"))) static void gathers(void) {
  // The second element leads to the place; the fourth would, too, and is masked.
  int indices[4] __attribute__((aligned(16))) = {9, -2, 5, -2};
  int chosen[4] __attribute__((aligned(16))) = {-1, -1, 0, 0};
  __asm__ volatile(
      "vmovdqa (%0), %%xmm1\n\tvmovdqa (%1), %%xmm2\n\tvpgatherdd %%xmm2, (%2, %%xmm1, 4), %%xmm3\n\t"
      "vmovdqa (%1), %%xmm2\n\tvpslldq $8, %%xmm2, %%xmm2\n\tvpermq $0x4e, %%ymm1, %%ymm1\n\t"
      "vpgatherdd %%xmm2, (%2, %%xmm1, 4), %%xmm3\n\tvzeroupper"
      :
      : "r"(indices), "r"(chosen), "r"((char *) place + 8)
      : "xmm1", "xmm2", "xmm3", "memory");
}

int main(void) {
  plain();
  strings();
  others();
  if (__builtin_cpu_supports("avx2"))
    gathers();
  printf("%ld %s\n", sum, table);
  return 0;
}
