// SPDX-License-Identifier: GPL-3.0-only
// groups: instructions
// build: -O1 -mcx16
// Locked instructions: results, flags, both outcomes of the comparing ones.
#include "check.h"

static uint64_t word;
static unsigned __int128 pair;

static int exchange16(uint64_t *low, uint64_t *high, uint64_t newLow, uint64_t newHigh) {
  uint8_t done;
  __asm__ volatile("lock cmpxchg16b %1\n sete %0"
                   : "=q"(done), "+m"(pair), "+a"(*low), "+d"(*high)
                   : "b"(newLow), "c"(newHigh) : "cc", "memory");
  return done;
}

int main(void) {
  word = 10;
  CHECK_EQUAL(__atomic_fetch_add(&word, 5, __ATOMIC_SEQ_CST), 10);
  CHECK_EQUAL(__atomic_exchange_n(&word, 7, __ATOMIC_SEQ_CST), 15);
  uint64_t expected = 8;
  CHECK(!__atomic_compare_exchange_n(&word, &expected, 9, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  CHECK_EQUAL(expected, 7);
  CHECK(__atomic_compare_exchange_n(&word, &expected, 9, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  CHECK_EQUAL(__atomic_and_fetch(&word, 8, __ATOMIC_SEQ_CST), 8);
  CHECK_EQUAL(__atomic_or_fetch(&word, 0x100, __ATOMIC_SEQ_CST), 0x108);
  CHECK_EQUAL(__atomic_xor_fetch(&word, 0x10f, __ATOMIC_SEQ_CST), 7);
  uint8_t carry, zero, old;
  __asm__ volatile("lock btsq $40, %1\n setc %0" : "=q"(carry), "+m"(word) : : "cc");
  CHECK(carry == 0 && word == ((uint64_t)1 << 40 | 7));
  __asm__ volatile("lock btrq $40, %1\n setc %0" : "=q"(carry), "+m"(word) : : "cc");
  CHECK(carry == 1 && word == 7);
  __asm__ volatile("lock subq $7, %1\n setz %0" : "=q"(zero), "+m"(word) : : "cc");
  CHECK(zero == 1 && word == 0);
  __asm__ volatile("lock decl %1\n sets %0" : "=q"(zero), "+m"(word) : : "cc");
  CHECK(zero == 1 && word == 0xffffffff);
  __asm__ volatile("lock notb %0\n lock negw %0" : "+m"(word) : : "cc");
  CHECK_EQUAL(word, 0xffff0100);
  old = 0x5a;
  __asm__ volatile("xchg %0, %1" : "+q"(old), "+m"(word));
  CHECK(old == 0 && word == 0xffff015a);
  uint64_t low = 1, high = 2;
  CHECK(!exchange16(&low, &high, 3, 4));
  CHECK(low == 0 && high == 0);
  CHECK(exchange16(&low, &high, 3, 4));
  CHECK(pair == ((unsigned __int128)4 << 64 | 3));
  low = 3, high = 4;
  CHECK(exchange16(&low, &high, ~0ul, 1ul << 63) && (uint64_t)(pair >> 64) == 1ul << 63);
  uint64_t eight = 0x100000002;
  uint32_t a = 2, d = 1;
  __asm__ volatile("lock cmpxchg8b %1\n setz %0" : "=q"(zero), "+m"(eight), "+a"(a), "+d"(d) : "b"(9), "c"(8) : "cc");
  CHECK(zero == 1 && eight == 0x800000009);
  return verdict();
}
