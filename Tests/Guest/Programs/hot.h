// SPDX-License-Identifier: GPL-3.0-only
// Small functions in memory that may be written to, and enough calls of them that a translator protects their pages.
#pragma once

#include "check.h"
#include <sys/mman.h>

enum { HOT = 200000, PAGE = 4096 };
typedef long (*Function)(long);

enum { CODE_SIZE = 8 };

// lea rax, [rdi+value] ; ret
static inline void put(unsigned char *code, int value) {
  memcpy(code, (unsigned char[CODE_SIZE]){0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3}, CODE_SIZE);
  memcpy(code + 3, &value, 4);
}

static inline long call(void *code) { return ((Function)code)(0); }

static inline long heat(void *code) {
  long sum = 0;
  for (int i = 0; i < HOT; i++) sum += ((Function)code)(i) - i;
  return sum / HOT;
}

static inline unsigned char *map(void *place, size_t size) {
  unsigned char *p = mmap(place, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | (place ? MAP_FIXED : 0), -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}
