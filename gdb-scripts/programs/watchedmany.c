// SPDX-License-Identifier: GPL-3.0-only
// More watched memory than debug registers hold, written by instructions of many kinds.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct spaced {
  char space[60];
  int value;
} spaced[20];

struct item {
  int key;
  char name[12];
} table[256] __attribute__((aligned(16)));

struct __attribute__((packed)) odd {
  char before;
  long one, two, three;
} odd;

static char away[4096];
static long stack[64] __attribute__((aligned(16)));
static __thread int own;

__attribute__((noinline)) static void spread(void) {
  for (int i = 0; i < 20; i++)
    spaced[19 - i].value = i + 1;
}

__attribute__((noinline)) static void plain(void) {
  table[0].key = 1;
  away[0] = 1;
  table[200].name[3] = 'x';
  table[255].name[11] = 'z';
  odd.two = 0x0102030405060708;
}

// What is not watched between writes to it: nothing may stop there.
__attribute__((noinline)) static void copies(void) {
  memset(away, 1, 300);
  memcpy(&table[7], "0123456789abcde", 16);
  __asm__ volatile("rep stosb" : : "a"('r'), "D"(table[9].name), "c"(5L) : "memory");
  __asm__ volatile("std; rep movsw; cld"
                   :
                   : "S"(table[7].name + 4), "D"(table[10].name + 6), "c"(3L)
                   : "memory");
}

__attribute__((noinline)) static void kinds(void) {
  int *key = &table[20].key, old = 5;
  long bit = 8 * 16 + 3;
  __asm__ volatile("incl %0" : "+m"(*key));
  __asm__ volatile("xchgl %0, %1" : "+m"(*key), "+r"(old));
  __asm__ volatile("lock xaddl %1, %0" : "+m"(*key), "+r"(old));
  __asm__ volatile("cmpxchgl %2, %0" : "+m"(*key), "+a"(old) : "r"(7));
  __asm__ volatile("cmpxchgl %2, %0" : "+m"(*key) : "a"(*key), "r"(8));
  __asm__ volatile("btsq %1, %0" : "+m"(table[20]) : "r"(bit) : "memory");
  __asm__ volatile("movntil %1, %0" : "=m"(*key) : "r"(9));
  __asm__ volatile("setc %0" : "=m"(table[22].name[1]));
  __asm__ volatile("stc; setc %0" : "=m"(table[22].name[1]));
  __asm__ volatile("movups %%xmm0, %0; pcmpeqd %%xmm0, %%xmm0; movups %%xmm0, %0"
                   : "=m"(table[23])
                   :
                   : "xmm0", "memory");
  __asm__ volatile("fldpi; fstpt %0" : "=m"(table[24]) : : "memory");
  __asm__ volatile("xorl %%ecx, %%ecx; cmpxchg16b %0"
                   : "+m"(table[25])
                   : "a"(0L), "d"(0L), "b"(3L)
                   : "rcx", "memory");
}

__attribute__((noinline)) static int called(int value) {
  return value + 1;
}

// The stack pointer leads into watched memory.
__attribute__((noinline)) static void pushes(void) {
  void *top = stack + 32;
  register int (*function)(int) __asm__("r12") = called;
  __asm__ volatile(
      "xchgq %%rsp, %%rbx\n\t"
      "pushq $17\n\t"
      "pushq %0\n\t"
      "popq 32(%%rsp)\n\t"
      "movl $4, %%edi\n\t"
      "call *%%r12\n\t"
      "pushfq\n\t"
      "popq %%rdx\n\t"
      "xchgq %%rsp, %%rbx\n\t"
      : "+m"(table[30]), "+b"(top)
      : "r"(function)
      : "rax", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}

__attribute__((noinline)) static void last(int *place) {
  *place = 6;
}

int main(void) {
  spread();
  plain();
  copies();
  kinds();
  pushes();
  last(&own);
  printf("%d %d %d %d\n", spaced[3].value, table[20].key, table[200].name[3], own);
  return 0;
}
