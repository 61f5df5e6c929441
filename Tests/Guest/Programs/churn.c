// SPDX-License-Identifier: GPL-3.0-only
// groups: smc memory bounds
// relocate: 12
// build: -O1
// limit: 60
// options: --cache-size 4
// counts: collections >= 2, bytes of code cache, at most <= 4194304
// A program that makes code, runs it and makes other code in its place, again and again, at changing
// addresses and by each way to change code: what was made of it before must not stay.
#include "check.h"
#include <sys/mman.h>

enum { functions = 2000, slot = 32, rounds = 24 };
typedef uint32_t (*Code)(uint32_t);

static void make(uint8_t *area, uint32_t round) {
  for (uint32_t i = 0; i < functions; i++) {
    uint32_t add = i * 2654435761u + round;
    // lea add(%rdi),%eax; test $1,%al; jz +2; not %eax; ret
    static const uint8_t text[] = {0x8d, 0x87, 0, 0, 0, 0, 0xa8, 0x01, 0x74, 0x02, 0xf7, 0xd0, 0xc3};
    memcpy(area + i * slot, text, sizeof text);
    memcpy(area + i * slot + 2, &add, 4);
  }
}

int main(void) {
  const size_t bytes = (size_t)functions * slot;
  const int rw = PROT_READ | PROT_WRITE;
  uint8_t *kept = mmap(NULL, bytes, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint32_t hash = 1, expected = 1;
  for (uint32_t round = 0; round < rounds; round++) {
    uint8_t *area = kept;
    if (round & 1) area = mmap(NULL, bytes, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mprotect(area, bytes, round % 4 == 2 ? rw | PROT_EXEC : rw) == 0);
    make(area, round);
    if (round % 4 != 2) CHECK(mprotect(area, bytes, PROT_READ | PROT_EXEC) == 0);
    for (uint32_t turn = 0; turn < 2 * functions; turn++) {
      uint32_t i = turn % functions;
      hash = ((Code)(uintptr_t)(area + i * slot))(hash);
      expected += i * 2654435761u + round;
      if (expected & 1) expected = ~expected;
    }
    CHECK_EQUAL(hash, expected);
    if (round & 1) CHECK(munmap(area, bytes) == 0);
  }
  printf("%08x\n", hash);
  return verdict();
}
