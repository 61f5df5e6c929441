// SPDX-License-Identifier: GPL-3.0-only
// A deep recursion, a variable, threads' worth of code to look at, a known end.
#include <stdio.h>
#include <stdlib.h>

volatile int hits;
int depth = 200;

__attribute__((noinline)) static int bottom(void) { return ++hits; }

__attribute__((noinline)) static int deep(int n) {
  volatile int frame[8];
  frame[n & 7] = n;
  if (n == 0) return bottom();
  return deep(n - 1) + frame[n & 7] - n;
}

int main(void) {
  for (int i = 0; i < 3; i++) printf("%d\n", deep(depth));
  fflush(stdout);
  return 7;
}
