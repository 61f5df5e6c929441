// SPDX-License-Identifier: GPL-3.0-only
// groups: memory syscall transparency
// build: -O1
// Calls about memory that the program did not map: whatever xv keeps there looks like a hole. And
// system calls of the x32 kind, which 64-bit kernels without them refuse.
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { page = 4096 };

/// Where xv is mapped, or natively a hole of that size; with `index` the first or a later mapping.
static char *hole(int index, size_t *size) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  unsigned long start = 0, end = 0;
  char *found = NULL;
  while (fgets(line, sizeof line, maps))
    if (strstr(line, "memfd:xv") && sscanf(line, "%lx-%lx", &start, &end) == 2 && index-- == 0) {
      found = (char *)start;
      *size = end - start;
    }
  fclose(maps);
  if (found) return found;
  *size = 16 * page;
  return (char *)0x410000000000;  // Nothing is mapped there.
}

static int result(long value) { return value == -1 ? -errno : 0; }

/// What the kernel says to a page's byte as the target of a read: 0, or an error.
static int writable(int zeros, char *address) { return result(read(zeros, address, 1)); }

int main(void) {
  int zeros = open("/dev/zero", O_RDONLY);
  for (int index = 0; index < 12; index++) {
    size_t size = 0;
    char *start = hole(index, &size);
    CHECK_EQUAL(result(munmap(start, size)), 0);
    CHECK_EQUAL(result(munmap(start + page, page)), 0);
    CHECK_EQUAL(result(mprotect(start, page, PROT_READ)), -ENOMEM);
    CHECK_EQUAL(result(mprotect(start, size, PROT_NONE)), -ENOMEM);
    CHECK_EQUAL(result(madvise(start, size, MADV_DONTNEED)), -ENOMEM);
    CHECK_EQUAL(result(madvise(start, page, MADV_REMOVE)), -ENOMEM);
    CHECK_EQUAL(result((long)mremap(start, page, 2 * page, MREMAP_MAYMOVE)), -EFAULT);
    CHECK_EQUAL(result((long)mremap(start, 0, page, MREMAP_MAYMOVE)), -EFAULT);
    CHECK_EQUAL(result(mlock(start, page)), -ENOMEM);
    CHECK_EQUAL(result(munlock(start, page)), -ENOMEM);
    CHECK_EQUAL(result(msync(start, page, MS_ASYNC)), -ENOMEM);
    CHECK_EQUAL(result(msync(start - page, 3 * page, MS_SYNC)), -ENOMEM);
    // Kernels before 6.10 have no mseal.
    int sealed = result(syscall(462, start, page, 0));
    CHECK(sealed == -ENOMEM || sealed == -ENOSYS);
    CHECK(mmap(start, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == start);
    CHECK_EQUAL(result(munmap(start, page)), 0);
  }
  // A range that begins in the program's own memory, and one that also ends there.
  size_t size = 0;
  char *start = hole(0, &size);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  for (int both = 0; both < 2; both++) {
    char *own = mmap(start - page, page, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(own == start - page);
    CHECK_EQUAL(result(mprotect(own, 2 * page, PROT_READ)), -ENOMEM);
    CHECK_EQUAL(writable(zeros, own), -EFAULT);
    CHECK_EQUAL(result(mprotect(own, page, PROT_READ | PROT_WRITE)), 0);
    *own = 7;
    CHECK_EQUAL(result(madvise(own, 2 * page, MADV_DONTNEED)), -ENOMEM);
    CHECK_EQUAL(*own, 0);
    // xv's mappings follow each other: the whole of them is some four gigabytes.
    size_t length = both ? 0x200000000 : page;
    char *behind = start + length;
    if (both) {
      while (mmap(behind, page, PROT_READ | PROT_WRITE, flags, -1, 0) != behind) behind += page;
      length = (size_t)(behind - start) + page;
    }
    CHECK_EQUAL(result(munmap(own, page + length)), 0);
    CHECK_EQUAL(writable(zeros, own), -EFAULT);
    if (both) CHECK_EQUAL(writable(zeros, behind), -EFAULT);
  }
  // x32: by a number that stands before the call, and by one that is computed.
  int64_t fixed;
  __asm__ volatile("mov $0x40000009, %%eax\n syscall" : "=a"(fixed) : "D"(0), "S"(page) : "rcx", "r11", "memory");
  CHECK_EQUAL(fixed, -ENOSYS);
  for (long number = 0; number < 600; number++)
    if (number != SYS_exit && number != SYS_exit_group)
      CHECK_EQUAL(result(syscall(number | 0x40000000, -1, -1, -1, -1, -1, -1)), -ENOSYS);
  return verdict();
}
