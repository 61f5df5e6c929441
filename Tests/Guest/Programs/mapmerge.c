// SPDX-License-Identifier: GPL-3.0-only
// groups: smc
// flush: 2
// build: -O1 -z execstack
// limit: 40
// Two mappings that the kernel makes one of, with code in them that has run so often that a translator protects it: what is
// allowed for one mapping still is.
#include "check.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/utsname.h>

enum { HOT = 200000, PAGE = 4096, HUGE = 2 << 20 };
typedef long (*Function)(long);

// lea rax, [rdi+value] ; ret
static void put(unsigned char *code, int value) {
  memcpy(code, (unsigned char[]){0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3}, 8);
  memcpy(code + 3, &value, 4);
}

static long heat(void *code) {
  long sum = 0;
  for (int i = 0; i < HOT; i++) sum += ((Function)code)(i) - i;
  return sum / HOT;
}

static unsigned char *map(void *place, size_t size) {
  unsigned char *p = mmap(place, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | (place ? MAP_FIXED : 0), -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

static void moved(void) {
  unsigned char *room = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  unsigned char *first = map(room + PAGE, PAGE);
  put(first, 3);
  CHECK_EQUAL(heat(first), 3);
  // The neighbour comes behind the trust.
  unsigned char *second = map(first + PAGE, PAGE);
  put(second, 4);
  CHECK_EQUAL(heat(second), 4);
  unsigned char *there = mremap(first, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE);
  CHECK(there == room + 8 * PAGE);
  CHECK_EQUAL(heat(there), 3);
  CHECK_EQUAL(heat(there + PAGE), 4);
  // What has come to lie where they were.
  map(first, 2 * PAGE);
  put(first, 5);
  put(second, 6);
  CHECK_EQUAL(heat(first), 5);
  CHECK_EQUAL(heat(second), 6);
  put(there, 7);
  CHECK_EQUAL(heat(there), 7);
  // Larger, in place.
  CHECK(munmap(there + 2 * PAGE, PAGE) == 0);
  CHECK(mremap(there + PAGE, PAGE, 2 * PAGE, 0) == there + PAGE);
  put(there + 2 * PAGE, 8);
  CHECK_EQUAL(heat(there + 2 * PAGE), 8);
  CHECK_EQUAL(heat(there + PAGE), 4);
  // Several mappings natively, too.
  CHECK(mprotect(there + PAGE, PAGE, PROT_READ) == 0);
  CHECK(mremap(there, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
  CHECK_EQUAL(heat(there), 7);
}

// Only a part of what was one mapping when its code came to be trusted is moved.
static void movedInPart(void) {
  unsigned char *room = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  unsigned char *first = map(room + PAGE, 3 * PAGE), *last = first + 2 * PAGE;
  put(first, 11);
  put(last, 12);
  CHECK_EQUAL(heat(first), 11);
  CHECK_EQUAL(heat(last), 12);
  unsigned char *second = map(first + 3 * PAGE, PAGE);
  put(second, 13);
  CHECK_EQUAL(heat(second), 13);
  CHECK(mremap(last, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE) == room + 8 * PAGE);
  CHECK_EQUAL(((Function)first)(0), 11);
  put(first, 14);
  CHECK_EQUAL(((Function)first)(0), 14);
  CHECK_EQUAL(heat(first), 14);
  CHECK_EQUAL(heat(room + 8 * PAGE), 12);
  CHECK_EQUAL(heat(room + 9 * PAGE), 13);
}

static void collapsed(void) {
  unsigned char *room = mmap(NULL, 4 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  unsigned char *p = map((void *)(((uintptr_t)room + HUGE - 1) & -(uintptr_t)HUGE), HUGE);
  put(p + 100, 9);
  CHECK_EQUAL(heat(p + 100), 9);
  int result = madvise(p, HUGE, 25 /* MADV_COLLAPSE */);
  printf("collapsed: %d\n", result == 0 ? 0 : errno);
  CHECK_EQUAL(heat(p + 100), 9);
  put(p + 100, 10);
  CHECK_EQUAL(heat(p + 100), 10);
}

/// Kernels before 6.17 move one mapping at a time, and under a translator these two are not one (docs/quirks.md).
static int movesSeveral(void) {
  struct utsname name;
  int major = 0, minor = 0;
  CHECK(uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2);
  return major > 6 || (major == 6 && minor >= 17);
}

int main(void) {
  if (movesSeveral()) {
    moved();
    movedInPart();
  }
  collapsed();
  return verdict();
}
