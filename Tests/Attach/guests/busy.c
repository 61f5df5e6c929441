// SPDX-License-Identifier: GPL-3.0-only
// Computes all the time; every round's result is known. %gs is in use.
#include "attach.h"
#include <asm/prctl.h>

static uint64_t cells[64];

__attribute__((noinline)) uint64_t round_of_work(uint64_t seed) {
  for (int i = 0; i < 64; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    cells[seed >> 58] += seed & 0xff;
    cells[i] ^= __builtin_bswap64(seed);
  }
  return seed;
}

static uint64_t through_gs(void) {
  uint64_t value;
  __asm__ volatile("movq %%gs:8, %0" : "=r"(value));
  return value;
}

int main(int argc, char **argv) {
  begin(argc, argv);
  static uint64_t area[2] = {0, 0x1234567812345678};
  CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, area) == 0);
  double x = 1.0;
  uint64_t seed = 1, rounds = 0;
  ready();
  do {
    for (int i = 0; i < 200; i++) {
      seed = round_of_work(seed);
      rounds++;
      x = x * 1.0000001 + 0.5;
    }
    CHECK(through_gs() == area[1]);
    atomic_store(progress, rounds);
  } while (!told_to_end());
  // The same again.
  uint64_t result[64], last = seed;
  memcpy(result, cells, sizeof cells);
  memset(cells, 0, sizeof cells);
  double y = 1.0;
  seed = 1;
  for (uint64_t i = 0; i < rounds; i++) {
    seed = round_of_work(seed);
    y = y * 1.0000001 + 0.5;
  }
  CHECK(seed == last);
  CHECK(memcmp(result, cells, sizeof cells) == 0);
  CHECK(x == y);
  uint64_t base;
  CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == (uint64_t)area);
  succeed();
}
