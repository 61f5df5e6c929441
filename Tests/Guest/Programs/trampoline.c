// SPDX-License-Identifier: GPL-3.0-only
// groups: smc
// build: -O1 -z execstack -Wno-trampolines
// gcc's nested functions: code on the stack, other code at the same place in the next frame.
#include "check.h"

__attribute__((noinline)) static int apply(int (*function)(int), int value) { return function(value); }

__attribute__((noinline)) static int outer(int offset, int kind) {
  int add(int x) { return x + offset; }
  int scale(int x) { return x * offset; }
  return apply(kind ? add : scale, kind + 10);
}

static int compareBy(int *keys, int a, int b) {
  int compare(const void *x, const void *y) { return keys[*(const int *)x] - keys[*(const int *)y]; }
  int order[2] = {a, b};
  qsort(order, 2, sizeof *order, compare);
  return order[0];
}

__attribute__((noinline)) static int deep(int depth, int (*above)(int)) {
  int mine(int x) { return above ? above(x + depth) : x; }
  return depth ? deep(depth - 1, mine) : mine(0);
}

int main(void) {
  for (int i = 0; i < 2000; i++) {
    CHECK_EQUAL(outer(i, 1), i + 11);
    CHECK_EQUAL(outer(i, 0), i * 10);
  }
  int keys[] = {5, 3, 9};
  CHECK_EQUAL(compareBy(keys, 0, 1), 1);
  CHECK_EQUAL(compareBy(keys, 0, 2), 0);
  CHECK_EQUAL(deep(60, NULL), 60 * 61 / 2 - 60);
  return verdict();
}
