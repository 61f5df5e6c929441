// SPDX-License-Identifier: GPL-3.0-only
// Memory that is accessed in many ways: by blocks, through the stack, at odd addresses, by loops.
#include <stdio.h>
#include <string.h>

struct packed {
  char before;
  int odd;
  char after[3];
} __attribute__((packed));

int counter;
long area[8];
struct packed packed;
char bytes[64];
static void (*handler)(int);
static int sum;

__attribute__((noinline)) static void add(int value) {
  sum += value;
}

__attribute__((noinline)) static int read_only(const int *place) {
  return *place + 1;
}

__attribute__((noinline)) static int locals(int n) {
  int local = n;
  for (int i = 0; i < 3; i++)
    local += i;
  return local;
}

__attribute__((noinline)) static void count(int rounds) {
  // One instruction again and again.
  __asm__ volatile("1: incl %0; decl %1; jnz 1b" : "+m"(counter), "+r"(rounds) : : "cc");
}

__attribute__((noinline)) static void block(char *to, const char *from, long size) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

__attribute__((noinline)) static int leaf(void) {
  return 1;
}

__attribute__((noinline)) static int outer(void) {
  int first = leaf();
  handler(first);
  return first + leaf();
}

int main(void) {
  handler = add;
  counter = 5;
  counter = 5;
  sum = read_only(&counter);
  count(3);
  int kept = locals(2);
  kept += locals(3);
  packed.odd = 77;
  packed.after[1] = 1;
  block(bytes + 8, "0123456789", 10);
  for (int i = 0; i < 8; i++)
    area[i] = i;
  memset(area, 0, sizeof area);
  handler(4);
  int total = outer();
  printf("%d %d %d %d %s\n", sum, kept, total, counter, bytes + 8);
  return 0;
}
