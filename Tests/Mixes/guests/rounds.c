// SPDX-License-Identifier: GPL-3.0-only
// Repeated string instructions of all kinds, above, below and across the eight bytes at `place`. `reads` and `writes`
// count the rounds that access them. All memory is zero but for the last byte of `area`.
#include <stdint.h>
#include <stdio.h>

enum { AREA = 8192, MIDDLE = AREA / 2, CASES = 1500 };

char area[AREA] __attribute__((aligned(64)));
char other[AREA] __attribute__((aligned(64)));
char *const place = area + MIDDLE;
long reads, writes;
static long wrong;

static uint32_t number(uint32_t limit) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 20) % limit;
}

#define FORMS(name, prefix, stem)                                                                                   \
  __attribute__((noinline, noclone)) static void name(int bits, int down, char *to, const char *from, long count, \
                                                      long value) {                                               \
    if (down)                                                                                                      \
      __asm__ volatile("std");                                                                                     \
    switch (bits) {                                                                                                \
    case 0:                                                                                                        \
      __asm__ volatile(prefix " " stem "b" : "+D"(to), "+S"(from), "+c"(count), "+a"(value) : : "memory", "cc");   \
      break;                                                                                                       \
    case 1:                                                                                                        \
      __asm__ volatile(prefix " " stem "w" : "+D"(to), "+S"(from), "+c"(count), "+a"(value) : : "memory", "cc");   \
      break;                                                                                                       \
    case 2:                                                                                                        \
      __asm__ volatile(prefix " " stem "l" : "+D"(to), "+S"(from), "+c"(count), "+a"(value) : : "memory", "cc");   \
      break;                                                                                                       \
    default:                                                                                                       \
      __asm__ volatile(prefix " " stem "q" : "+D"(to), "+S"(from), "+c"(count), "+a"(value) : : "memory", "cc");   \
    }                                                                                                              \
    __asm__ volatile("cld");                                                                                       \
    wrong += count != 0;                                                                                           \
  }

FORMS(stos, "rep", "stos")
FORMS(movs, "rep", "movs")
FORMS(lods, "rep", "lods")
FORMS(cmps, "repe", "cmps")
FORMS(scas_equal, "repe", "scas")
FORMS(scas_different, "repne", "scas")

static long met(const char *start, int bits, int down, long count) {
  long rounds = 0;
  for (long round = 0; round < count; round++) {
    const char *at = start + (down ? -round : round) * (1 << bits);
    rounds += at < place + 8 && at + (1 << bits) > place;
  }
  return rounds;
}

__attribute__((noinline, noclone)) static char *end_of(char *from) {
  long count = -1;
  __asm__ volatile("repne scasb" : "+D"(from), "+c"(count) : "a"(1) : "memory", "cc");
  return from;
}

__attribute__((noinline)) void done(void) {
  __asm__ volatile("");
}

int main(void) {
  area[AREA - 1] = 1;
  for (int index = 0; index < CASES; index++) {
    int bits = (int)number(4), down = (int)number(2);
    long count = number(number(2) ? 9 : 200);
    char *near = place - 40 + number(90);
    if (number(2)) // Just before it comes there, or just behind.
      near -= (down ? -1 : 1) * (count << bits);
    char *far = other + AREA / 2;
    long rounds = met(near, bits, down, count);
    switch (number(7)) {
    case 0: writes += rounds, stos(bits, down, near, far, count, 0); break;
    case 1: writes += rounds, movs(bits, down, near, far, count, 0); break;
    case 2: reads += rounds, movs(bits, down, far, near, count, 0); break;
    case 3: reads += rounds, lods(bits, down, far, near, count, 0); break;
    case 4: reads += rounds, cmps(bits, down, far, near, count, 0); break;
    case 5: reads += rounds, scas_equal(bits, down, near, far, count, 0); break;
    default: reads += rounds, scas_different(bits, down, near, far, count, 1); break;
    }
  }
  for (int distance = -3; distance < 11; distance++) {
    reads += distance < 0 ? 8 : distance < 8 ? 8 - distance : 0;
    wrong += end_of(place + distance) != area + AREA;
  }
  done();
  printf("wrong: %ld\n", wrong);
  return 0;
}
