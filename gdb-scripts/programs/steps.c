// SPDX-License-Identifier: GPL-3.0-only
// Ordinary C to walk through: calls, a loop, recursion, a structure, globals.
#include <stdio.h>
#include <string.h>

struct point {
  int x, y;
  double weight;
  char name[8];
};

int total;
long history[5] = {1, 2, 3, 4, 5};
struct point origin = {3, 4, 0.5, "origin"};

static int add(int a, int b) {
  int sum = a + b;
  total += sum;
  return sum;
}

static int factorial(int n) {
  if (n <= 1)
    return 1;
  return n * factorial(n - 1);
}

double scale(struct point *p, double by) {
  p->x *= 2;
  p->weight *= by;
  return p->weight + p->x;
}

int compare(const char *a, const char *b) {
  return strcmp(a, b);
}

int main(void) {
  int last = 0;
  for (int i = 0; i < 10; i++) {
    last = add(i, last);
    history[i % 5] = last;
  }
  int product = factorial(5);
  double scaled = scale(&origin, 3.0);
  int order = compare("abc", origin.name);
  printf("last %d, total %d, product %d\n", last, total, product);
  printf("scaled %.2f, order %d, history %ld\n", scaled, order < 0, history[2]);
  return 0;
}
