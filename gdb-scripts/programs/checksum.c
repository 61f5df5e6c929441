// SPDX-License-Identifier: GPL-3.0-only
// Sums its own code again and again: any byte that a debugger puts there shows.
#include <stdint.h>
#include <stdio.h>

extern const unsigned char __executable_start[], etext[];

static uint64_t checksum(void) {
  uint64_t sum = 14695981039346656037u;
  for (const unsigned char *p = __executable_start; p < etext; p++)
    sum = (sum ^ *p) * 1099511628211u;
  return sum;
}

uint64_t first;
int rounds, changed;

static void one_round(int n) {
  if (checksum() != first)
    changed++;
  rounds = n;
}

static void ready(void) {
  rounds = 0;
}

int main(void) {
  first = checksum();
  ready();
  for (int i = 1; i <= 20; i++)
    one_round(i);
  printf("rounds %d, code changed in %d\n", rounds, changed);
  return changed != 0;
}
