// SPDX-License-Identifier: GPL-3.0-only
// Calls a function often, with values of each kind for conditions to look at.
#include <stdio.h>
#include <stdlib.h>

struct place {
  signed char small;
  unsigned short middle;
  int whole;
  long large;
  unsigned long huge;
  struct place *next;
  const char *name;
};

static struct place places[4] = {
    {-1, 65535, -100000, -5000000000L, ~0UL, &places[1], "first"},
    {2, 2, 2, 2, 2, &places[2], "second"},
    {3, 3, 3, 3, 3, &places[3], "third"},
    {4, 4, 4, 4, 4, 0, "last"},
};

static volatile long total;

__attribute__((noinline)) long visit(struct place *place, int round) {
  total += place->whole + round;
  return total;
}

__attribute__((noinline)) void done(void) { total++; }

int main(int count, char **words) {
  int rounds = count > 1 ? atoi(words[1]) : 20;
  for (int round = 0; round < rounds; round++) visit(&places[round % 4], round);
  done();
  printf("total %ld\n", total);
  return 0;
}
