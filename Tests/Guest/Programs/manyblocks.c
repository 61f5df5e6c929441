// SPDX-License-Identifier: GPL-3.0-only
// groups: smc flow
// relocate: 20
// build: -O1
// limit: 60
// Forty thousand small functions made at run time, all called, in order and at random, and then
// made anew as others: a cache has to grow and to forget.
#include "check.h"
#include <sys/mman.h>

enum { functions = 40000, slot = 32 };
typedef uint32_t (*Code)(uint32_t);

int main(void) {
  const size_t bytes = (size_t)functions * slot;
  uint8_t *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint32_t hash = 1, expected = 1, seed = 5;
  for (uint32_t round = 0; round < 2; round++) {
    CHECK(mprotect(area, bytes, PROT_READ | PROT_WRITE) == 0);
    for (uint32_t i = 0; i < functions; i++) {
      uint32_t add = i * 2654435761u + round;
      // lea add(%rdi),%eax; test $1,%al; jz +2; not %eax; ret
      static const uint8_t text[] = {0x8d, 0x87, 0, 0, 0, 0, 0xa8, 0x01, 0x74, 0x02, 0xf7, 0xd0, 0xc3};
      memcpy(area + i * slot, text, sizeof text);
      memcpy(area + i * slot + 2, &add, 4);
    }
    CHECK(mprotect(area, bytes, PROT_READ | PROT_EXEC) == 0);
    for (uint32_t turn = 0; turn < 2 * functions; turn++) {
      uint32_t i = turn;
      if (turn >= functions) i = (seed = seed * 1664525 + 1013904223) >> 8;
      i %= functions;
      hash = ((Code)(uintptr_t)(area + i * slot))(hash);
      expected += i * 2654435761u + round;
      if (expected & 1) expected = ~expected;
    }
    CHECK_EQUAL(hash, expected);
  }
  printf("%08x\n", hash);
  return verdict();
}
