// SPDX-License-Identifier: GPL-3.0-only
// Calls of one leaf function from SITES places (64 or 4,096), each its own call instruction.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline, noclone)) static uint64_t leaf(uint64_t x) {
  __asm__ volatile("");
  return x * 3 + 1;
}

#define SITES1 x = leaf(x);
#define SITES4 SITES1 SITES1 SITES1 SITES1
#define SITES16 SITES4 SITES4 SITES4 SITES4
#define SITES64 SITES16 SITES16 SITES16 SITES16
#define SITES256 SITES64 SITES64 SITES64 SITES64
#define SITES1024 SITES256 SITES256 SITES256 SITES256
#define SITES4096 SITES1024 SITES1024 SITES1024 SITES1024
#define JOIN(a, b) a##b
#define TIMES(n) JOIN(SITES, n)

int main(int argc, char **argv) {
  unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 400000000;
  uint64_t x = 1;
  for (unsigned long round = 0; round < calls / SITES; round++) { TIMES(SITES) }
  printf("%016lx\n", x);
  return 0;
}
