// SPDX-License-Identifier: GPL-3.0-only
// groups: instructions
// relocate: 12
// build: -O2
// build avx2: -O3 -mavx2 -mfma -mbmi -mbmi2 -mlzcnt
// needs: -lm
// Numbers of every kind through libm, x87, vectors and bit manipulation; sums printed.
#include "check.h"
#include <fenv.h>
#include <math.h>

static uint64_t bits(double d) {
  uint64_t u;
  memcpy(&u, &d, 8);
  return u;
}

static uint64_t x87(void) {
  uint64_t hash = MIX_SEED;
  for (int i = 1; i < 200; i++) {
    long double x = i / 7.0L, sum = 0;
    __asm__("fldt %1\n fsin\n fldt %1\n fcos\n faddp\n fldt %1\n fld1\n fpatan\n fsubrp\n fstpt %0"
            : "=m"(sum) : "m"(x));
    hash = mix(hash, bits((double)sum));
    sum = sinl(x) * expl(-x) + powl(x, 0.3L) + fmodl(x, 0.7L) + lgammal(x) + cbrtl(x);
    hash = mix(hash, bits((double)sum));
    uint16_t packed[8] = {0};
    long double whole = i * 12345.0L;
    __asm__ volatile("fldt %1\n fbstp %0" : "=m"(packed) : "m"(whole));
    hash = mix(hash, packed[0] | (uint64_t)packed[1] << 16);
  }
  uint16_t control, status;
  __asm__ volatile("fnstcw %0\n fnstsw %1" : "=m"(control), "=m"(status));
  return mix(hash, control);
}

typedef float Lanes __attribute__((vector_size(32)));

static uint64_t vectors(void) {
  Lanes a = {1, 2, 3, 4, 5, 6, 7, 8}, b = {8, 7, 6, 5, 4, 3, 2, 1};
  for (int i = 0; i < 1000; i++) {
    a = a * 0.5f + b;
    b = b - a * 0.25f;
  }
  uint64_t hash = MIX_SEED;
  for (int i = 0; i < 8; i++) hash = mix(hash, (uint64_t)(int64_t)(a[i] * 1000) + (uint64_t)(int64_t)(b[i] * 1000));
  int columns[64] = {0};
  for (int round = 0; round < 100; round++)
    for (int i = 0; i < 64; i++) columns[i] = columns[i] * 3 + (i ^ round);
  for (int i = 0; i < 64; i++) hash = mix(hash, (uint32_t)columns[i]);
  return hash;
}

static uint64_t integers(void) {
  uint64_t hash = MIX_SEED, x = 0x123456789abcdef;
  for (int i = 0; i < 1000; i++) {
    x = x * 6364136223846793005 + 1442695040888963407;
    unsigned __int128 product = (unsigned __int128)x * (x >> 7);
    hash = mix(hash, (uint64_t)(product >> 64) / (x >> 40 | 1));
    hash = mix(hash, (uint64_t)(product / (x | 1)));
    hash = mix(hash, __builtin_popcountll(x) + __builtin_clzll(x | 1) + __builtin_ctzll(x | 1ull << 63));
    hash = mix(hash, __builtin_bswap64(x) + (x << (x & 63)) + ((int64_t)x >> (x & 31)) + (x & -x) + (x & (x - 1)));
  }
  return hash;
}

int main(void) {
  uint64_t hash = MIX_SEED;
  for (int i = 0; i < 500; i++) {
    double x = i * 0.37 + 0.01;
    hash = mix(hash, bits(sin(x) + cos(x) * tan(x)));
    hash = mix(hash, bits(exp(-x) + log(x) + pow(x, 1.7) + hypot(x, 3)));
    hash = mix(hash, bits(floor(x) + round(x * 3) + fma(x, x, x) + remainder(x, 2)));
  }
  printf("libm %016lx\nx87 %016lx\nvectors %016lx\nintegers %016lx\n", hash, x87(), vectors(), integers());
  fesetround(FE_UPWARD);
  volatile double one = 1, three = 3;
  volatile double up = one / three;
  fesetround(FE_TONEAREST);
  volatile double nearest = one / three;
  CHECK_EQUAL(bits(up) - bits(nearest), 1);
  feclearexcept(FE_ALL_EXCEPT);
  volatile double infinite = one / (three - 3);
  CHECK(isinf(infinite) && fetestexcept(FE_DIVBYZERO));
  return verdict();
}
