// SPDX-License-Identifier: GPL-3.0-only
// groups: smc
// build: -O1
// Code made at run time: written and then made executable, rewritten through mprotect, rewritten in
// place in a page that is always writable, written through a second mapping, read from a file,
// moved, unmapped and mapped anew.
#include "check.h"
#include <sys/mman.h>

typedef uint64_t (*Code)(uint64_t);
enum { page = 4096 };

// mov $value,%eax; add %rdi,%rax; ret
static void write1(unsigned char *at, uint32_t value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  memcpy(at + 5, "\x48\x01\xf8\xc3", 4);
}

int main(void) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
  unsigned char *p = mmap(NULL, 4 * page, rw, flags, -1, 0);
  Code code = (Code)p;
  for (uint32_t i = 0; i < 100; i++) {
    CHECK(mprotect(p, page, rw) == 0);
    write1(p, i * 3);
    write1(p + 64, i * 5);
    CHECK(mprotect(p, page, PROT_READ | PROT_EXEC) == 0);
    CHECK_EQUAL(code(i), i * 4);
    CHECK_EQUAL(((Code)(p + 64))(i), i * 6);
  }
  // Always writable and executable: rewritten between calls without any system call.
  CHECK(mprotect(p, 2 * page, rw | PROT_EXEC) == 0);
  for (uint32_t i = 0; i < 3000; i++) {
    write1(p, i);
    CHECK_EQUAL(code(1), i + 1);
    if (i % 3 == 0) write1(p + page - 4, i + 7);  // Over a page's end.
    if (i % 3 == 0) CHECK_EQUAL(((Code)(p + page - 4))(1), i + 8);
  }
  // Only the immediate changes, a single byte of it.
  write1(p, 0);
  for (uint32_t i = 0; i < 256; i++) {
    p[1] = (unsigned char)i;
    CHECK_EQUAL(code(0), i);
  }
  // The kernel writes the code: a read into the page.
  int ends[2];
  unsigned char made[16];
  CHECK(pipe(ends) == 0);
  for (uint32_t i = 0; i < 50; i++) {
    write1(made, 1000 + i);
    CHECK(write(ends[1], made, 9) == 9 && read(ends[0], p, 9) == 9);
    CHECK_EQUAL(code(1), 1001 + i);
  }
  // Two mappings of the same memory: written here, executed there.
  int file = memfd_create("code", 0);
  CHECK(ftruncate(file, page) == 0);
  unsigned char *writable = mmap(NULL, page, rw, MAP_SHARED, file, 0);
  Code executable = (Code)mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  for (uint32_t i = 0; i < 200; i++) {
    write1(writable, i * 7);
    CHECK_EQUAL(executable(i), i * 8);
  }
  // Mapped over, dropped, moved.
  for (uint32_t i = 0; i < 50; i++) {
    unsigned char *q = mmap(p, page, rw | PROT_EXEC, flags | MAP_FIXED, -1, 0);
    write1(q, i);
    CHECK_EQUAL(code(2), i + 2);
    if (i % 2) CHECK(madvise(q, page, MADV_DONTNEED) == 0 && q[0] == 0);
  }
  write1(p, 77);
  CHECK_EQUAL(code(0), 77);
  unsigned char *moved = mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, p + 3 * page);
  CHECK_EQUAL(((Code)moved)(1), 78);
  return verdict();
}
