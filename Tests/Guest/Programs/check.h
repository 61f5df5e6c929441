// SPDX-License-Identifier: GPL-3.0-only
// Checks for guest programs: each failed one prints its line, `verdict` prints the sum.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int checksFailed, checksMade;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    checksMade++;                                                                                  \
    if (!(condition)) {                                                                            \
      checksFailed++;                                                                              \
      printf("line %d: not so: %s\n", __LINE__, #condition);                                       \
    }                                                                                              \
  } while (0)

#define CHECK_EQUAL(a, b)                                                                          \
  do {                                                                                             \
    uint64_t left_ = (uint64_t)(a), right_ = (uint64_t)(b);                                        \
    checksMade++;                                                                                  \
    if (left_ != right_) {                                                                         \
      checksFailed++;                                                                              \
      printf("line %d: %s is %#lx, %s is %#lx\n", __LINE__, #a, left_, #b, right_);                \
    }                                                                                              \
  } while (0)

static inline int verdict(void) {
  printf("%d checks, %d failed\n", checksMade, checksFailed);
  fflush(stdout);
  return checksFailed != 0;
}

/// One step of FNV-1a over the eight bytes of `value`.
static inline uint64_t mix(uint64_t hash, uint64_t value) {
  for (int i = 0; i < 8; i++, value >>= 8) hash = (hash ^ (value & 255)) * 0x100000001b3ull;
  return hash;
}
#define MIX_SEED 0xcbf29ce484222325ull
