// SPDX-License-Identifier: GPL-3.0-only
// groups: memory syscall
// build: -O1
// build static: -O1 -static
// Mappings: brk, mmap anywhere and at fixed places, mremap, mprotect, large and low ones.
#include "check.h"
#include <errno.h>
#include <sys/mman.h>

int main(void) {
  char *end = sbrk(0);
  CHECK(sbrk(1 << 20) == end);
  memset(end, 7, 1 << 20);
  CHECK(sbrk(-(1 << 19)) == end + (1 << 20) && sbrk(0) == end + (1 << 19));
  CHECK(end[1000] == 7);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
  char *a = mmap(NULL, 64 * 4096, rw, flags, -1, 0);
  CHECK(a != MAP_FAILED);
  memset(a, 1, 64 * 4096);
  CHECK(mmap(a + 8 * 4096, 4096, PROT_READ, flags | MAP_FIXED, -1, 0) == a + 8 * 4096);
  CHECK(a[8 * 4096] == 0 && a[9 * 4096] == 1);
  CHECK(mprotect(a + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
  char *b = mremap(a + 16 * 4096, 4096, 8 * 4096, MREMAP_MAYMOVE);
  CHECK(b != MAP_FAILED && b[4095] == 1 && b[4096] == 0);
  CHECK(munmap(a, 64 * 4096) == 0);
  char *low = mmap((void *)0x10000000, 4096, rw, flags | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(low == (char *)0x10000000);
  low[5] = 5;
  char *low32 = mmap(NULL, 4096, rw, flags | MAP_32BIT, -1, 0);
  CHECK(low32 != MAP_FAILED && (uint64_t)low32 >> 32 == 0);
  CHECK(mmap(low, 4096, rw, flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
  char *huge = mmap(NULL, 1ul << 40, PROT_NONE, flags | MAP_NORESERVE, -1, 0);
  CHECK(huge != MAP_FAILED);
  CHECK(mprotect(huge + (1ul << 39), 4096, rw) == 0);
  huge[(1ul << 39) + 8] = 9;
  CHECK(munmap(huge, 1ul << 40) == 0);
  int file = memfd_create("shared", 0);
  CHECK(ftruncate(file, 4096) == 0);
  char *x = mmap(NULL, 4096, rw, MAP_SHARED, file, 0), *y = mmap(NULL, 4096, rw, MAP_SHARED, file, 0);
  x[100] = 'x';
  CHECK(y[100] == 'x');
  CHECK(madvise(b, 4096, MADV_DONTNEED) == 0 && b[0] == 0);
  unsigned char resident[1];
  CHECK(mincore(x, 4096, resident) == 0);
  // Thousands of mappings and blocks.
  uint64_t sum = 0;
  for (int i = 1; i < 2000; i++) {
    char *p = i % 3 ? malloc(i * 97) : mmap(NULL, i * 100, rw, flags, -1, 0);
    p[i] = (char)i;
    sum += (uint64_t)p[i] & 255;
    if (i % 3) free(p);
    else if (i % 2) munmap(p, i * 100);
  }
  printf("%lu\n", sum);
  return verdict();
}
