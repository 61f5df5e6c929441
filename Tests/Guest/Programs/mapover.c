// SPDX-License-Identifier: GPL-3.0-only
// groups: memory relocation
// build: -O1
// limit: 60
// The program maps what it likes where xv is: over the region, and near its own code. Each call does
// what it does natively, and xv is somewhere else afterwards.
#include "check.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>

enum { page = 4096 };
static const int rw = PROT_READ | PROT_WRITE;
static const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
static const uint64_t home = 0x410000000000;  // where the region is at first

/// Maps a place that is free and uses it, also as code.
static void use(uint64_t address, size_t size, int flags) {
  uint8_t *at = mmap((void *)address, size, rw | PROT_EXEC, anonymous | flags, -1, 0);
  CHECK_EQUAL((uint64_t)at, address);
  if (at == MAP_FAILED) return;
  CHECK_EQUAL(at[0] + at[size - 1], 0);
  static const uint8_t text[] = {0x8d, 0x47, 0x07, 0xc3};  // lea 7(%rdi),%eax; ret
  memcpy(at, text, sizeof text);
  CHECK_EQUAL(((int (*)(int))(uintptr_t)at)(35), 42);
}

static void calls(void) {
  for (int round = 0; round < 3; round++) {
    use(home + 0x1000000 * round, 16 * page, MAP_FIXED_NOREPLACE);
    use(home + 0x1000000 * round, 16 * page, MAP_FIXED);
    errno = 0;
    CHECK(mmap((void *)home, page, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK_EQUAL(errno, EEXIST);
  }
  use(home + 0x40000000, 4 * page, 0);  // a hint
  // Something moves there, and something grows.
  char *old = mmap(NULL, 4 * page, rw, anonymous, -1, 0);
  strcpy(old, "moved");
  char *target = (char *)home + 0x50000000;
  CHECK(mremap(old, 4 * page, 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  CHECK(strcmp(target, "moved") == 0);
  CHECK(mremap(target, 4 * page, 0x40000000, 0) == target);
  CHECK_EQUAL(target[0x3fffffff], 0);
  int segment = shmget(IPC_PRIVATE, 1 << 20, 0600);
  if (segment >= 0) {
    char *place = (char *)home + 0x200000000;
    CHECK(shmat(segment, place, 0) == place);
    strcpy(place + (1 << 20) - 8, "shared");
    CHECK(shmat(segment, place, SHM_REMAP) == place);
    CHECK(strcmp(place + (1 << 20) - 8, "shared") == 0);
    CHECK(shmdt(place) == 0);
    shmctl(segment, IPC_RMID, NULL);
  }
}

/// Takes all the room that there is between two addresses, in pieces, but for one of them.
static int fill(uint64_t from, uint64_t to, uint64_t piece, uint64_t but) {
  int count = 0;
  for (uint64_t at = from; at < to; at += piece)
    if (at != but) {
      void *got = mmap((void *)at, piece, PROT_NONE, anonymous | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
      CHECK(got == (void *)at || errno == EEXIST);
      count += got == (void *)at;
      if (got != (void *)at && got != MAP_FAILED) munmap(got, piece);
    }
  return count;
}

int main(void) {
  calls();
  // Wherever xv goes to: it is chased from one place to the next.
  int64_t count = fill(0x300000000000, 0x520000000000, 0x4000000000, 0x440000000000);
  CHECK(count > 100);
  printf("%d\n", (int)count);
  // The neighbourhood below the code, where arenas are.
  uint64_t here = (uint64_t)(uintptr_t)main & ~0xfffffffull;
  if (here > 0xc0000000) {
    CHECK(fill(here - 0xa0000000, here - 0x10000000, 0x1000000, 0) > 0);
    CHECK(fill(here - 0xa0000000, here - 0x10000000, 0x1000000, 0) == 0);
  }
  CHECK(munmap((void *)home, 0x400000000) == 0);
  calls();
  return verdict();
}
