// SPDX-License-Identifier: GPL-3.0-only
// groups: smc
// flush: 2
// build: -O1 -z execstack
// limit: 40
// Two mappings that the kernel makes one of, with code in them that has run so often that a translator protects it: what is
// allowed for one mapping still is.
#include "hot.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

enum { HUGE = 2 << 20 };

static unsigned char *reserve(size_t size) {
  unsigned char *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(room != MAP_FAILED);
  return room;
}

// A function that adds `value`, often enough to be trusted.
static unsigned char *hot(unsigned char *code, int value) {
  put(code, value);
  CHECK_EQUAL(heat(code), value);
  return code;
}

static void moved(void) {
  unsigned char *room = reserve(16 * PAGE);
  unsigned char *first = map(room + PAGE, PAGE);
  hot(first, 3);
  // The neighbour comes behind the trust.
  unsigned char *second = map(first + PAGE, PAGE);
  hot(second, 4);
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
  unsigned char *room = reserve(16 * PAGE);
  unsigned char *first = map(room + PAGE, 3 * PAGE), *last = first + 2 * PAGE;
  hot(first, 11);
  hot(last, 12);
  hot(map(first + 3 * PAGE, PAGE), 13);
  CHECK(mremap(last, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE) == room + 8 * PAGE);
  CHECK_EQUAL(((Function)first)(0), 11);
  put(first, 14);
  CHECK_EQUAL(((Function)first)(0), 14);
  CHECK_EQUAL(heat(first), 14);
  CHECK_EQUAL(heat(room + 8 * PAGE), 12);
  CHECK_EQUAL(heat(room + 9 * PAGE), 13);
}

// What comes before the code is moved before the code is met.
static void movedBehindData(void) {
  unsigned char *room = reserve(16 * PAGE);
  unsigned char *data = mmap(room + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(data == room + PAGE);
  data[0] = 42;
  unsigned char *code = map(data + PAGE, PAGE);
  hot(code, 21);
  unsigned char *there = mremap(data, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE);
  CHECK(there == room + 8 * PAGE);
  CHECK_EQUAL(there[0], 42);
  CHECK_EQUAL(heat(there + PAGE), 21);
}

// Something else lies in the midst of what was one mapping when its code came to be trusted.
static void movedFromDivided(void) {
  unsigned char *room = reserve(16 * PAGE);
  unsigned char *code = map(room + PAGE, 4 * PAGE), *last = code + 3 * PAGE;
  hot(code, 31);
  hot(last, 32);
  int file = open("/proc/self/exe", O_RDONLY);
  CHECK(mmap(code + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == code + PAGE);
  close(file);
  put(map(last + PAGE, PAGE), 33);
  CHECK(mremap(last, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * PAGE) == room + 8 * PAGE);
  CHECK_EQUAL(heat(room + 8 * PAGE), 32);
  CHECK_EQUAL(heat(room + 9 * PAGE), 33);
  hot(code, 34);
}

static void collapsed(void) {
  unsigned char *room = reserve(4 * HUGE);
  unsigned char *p = map((void *)(((uintptr_t)room + HUGE - 1) & -(uintptr_t)HUGE), HUGE);
  put(p + 100, 9);
  CHECK_EQUAL(heat(p + 100), 9);
  int result = madvise(p, HUGE, 25 /* MADV_COLLAPSE */);
  printf("collapsed: %d\n", result == 0 ? 0 : errno);
  CHECK_EQUAL(heat(p + 100), 9);
  put(p + 100, 10);
  CHECK_EQUAL(heat(p + 100), 10);
  int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec piece = {p, HUGE};
  CHECK(madvise(p, HUGE, MADV_NOHUGEPAGE) == 0 && madvise(p, HUGE, MADV_HUGEPAGE) == 0);
  long bytes = syscall(SYS_process_madvise, process, &piece, 1, 25 /* MADV_COLLAPSE */, 0);
  printf("collapsed: %ld\n", bytes >= 0 ? bytes : -errno);
  close(process);
  CHECK_EQUAL(heat(p + 100), 10);
  put(p + 100, 12);
  CHECK_EQUAL(heat(p + 100), 12);
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
    movedBehindData();
    movedFromDivided();
  }
  collapsed();
  return verdict();
}
