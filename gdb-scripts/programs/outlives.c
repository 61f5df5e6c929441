// SPDX-License-Identifier: GPL-3.0-only
// Goes on when the debugger has gone, and writes what it computed to a file.
#include <stdio.h>
#include <stdlib.h>

static unsigned compute(unsigned n) {
  unsigned value = n;
  for (unsigned i = 0; i < 1000000; i++)
    value = value * 1664525 + 1013904223;
  return value;
}

int main(int argc, char **argv) {
  unsigned sum = 0;
  for (unsigned i = 0; i < 20; i++)
    sum += compute(i);
  FILE *file = fopen(argc > 1 ? argv[1] : "result", "w");
  if (!file)
    return 2;
  fprintf(file, "sum %u\n", sum);
  fclose(file);
  printf("wrote the sum\n");
  return 0;
}
