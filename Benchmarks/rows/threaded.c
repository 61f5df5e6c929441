// SPDX-License-Identifier: GPL-3.0-only
// A threaded interpreter: computed gotos, 16 handlers, a program of 512 operations.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  static void *const handlers[16] = {&&h0, &&h1, &&h2,  &&h3,  &&h4,  &&h5,  &&h6,  &&h7,
                                     &&h8, &&h9, &&h10, &&h11, &&h12, &&h13, &&h14, &&h15};
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000;
  static void *program[513];
  uint32_t seed = 3;
  for (int i = 0; i < 512; i++) {
    seed = seed * 1664525 + 1013904223;
    program[i] = handlers[(seed >> 24) % 15];
  }
  program[512] = handlers[15];
  uint64_t a = 1, b = 2;
  void **at = program;
#define NEXT goto **at++
  NEXT;
h0: a += b; NEXT;
h1: b ^= a; NEXT;
h2: a *= 5; NEXT;
h3: b -= 7; NEXT;
h4: a = a << 3 | a >> 61; NEXT;
h5: b = ~b; NEXT;
h6: a ^= b >> 9; NEXT;
h7: b += a; NEXT;
h8: a -= 1; NEXT;
h9: b *= 9; NEXT;
h10: a ^= 0x5555; NEXT;
h11: b = b << 7 | b >> 57; NEXT;
h12: a += a << 2; NEXT;
h13: b ^= b << 1; NEXT;
h14: a |= b & 1; NEXT;
h15:
  if (--rounds) {
    at = program;
    NEXT;
  }
  printf("%016lx %016lx\n", a, b);
  return 0;
}
