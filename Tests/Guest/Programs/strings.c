// SPDX-License-Identifier: GPL-3.0-only
// groups: instructions
// build: -O1
// String instructions with every prefix, forward and backward, and where their counters end.
#include "check.h"

struct Ends {
  uint64_t rsi, rdi, rcx, rax, flags;
};

#define STRING(name, text)                                                                         \
  static struct Ends name(const void *from, const void *to, uint64_t count, uint64_t rax) {        \
    struct Ends e = {(uint64_t)from, (uint64_t)to, count, rax, 0};                                 \
    __asm__ volatile("cmp $1, %%ecx\n" text "\n cld\n pushfq\n pop %4"                             \
                     : "+S"(e.rsi), "+D"(e.rdi), "+c"(e.rcx), "+a"(e.rax), "=r"(e.flags)           \
                     : : "memory", "cc");                                                          \
    return e;                                                                                      \
  }
STRING(moveBytes, "rep movsb")
STRING(moveQuads, "rep movsq")
STRING(moveBack, "std\n rep movsb")
STRING(fillWords, "rep stosw")
STRING(fillBack, "std\n rep stosl")
STRING(oneStore, "stosb\n stosw\n stosl\n stosq")
STRING(findByte, "repne scasb")
STRING(skipByte, "repe scasb")
STRING(compareBytes, "repe cmpsb")
STRING(compareQuads, "repe cmpsq")
STRING(differBytes, "repne cmpsb")
STRING(loadBytes, "rep lodsb")
STRING(loadAll, "lodsb\n lodsw\n lodsl\n lodsq")
STRING(shortAddress, "addr32 rep movsb")

int main(void) {
  uint8_t a[256], b[256];
  struct Ends e;
  for (int i = 0; i < 256; i++) a[i] = i * 7;
  memset(b, 0, 256);
  e = moveBytes(a, b, 200, 0);
  CHECK(!memcmp(a, b, 200) && b[200] == 0);
  CHECK_EQUAL(e.rsi - (uint64_t)a, 200);
  CHECK_EQUAL(e.rcx, 0);
  e = moveQuads(a, b, 32, 0);
  CHECK(!memcmp(a, b, 256));
  CHECK_EQUAL(e.rdi - (uint64_t)b, 256);
  memset(b, 0, 256);
  e = moveBack(a + 99, b + 99, 100, 0);
  CHECK(!memcmp(a, b, 100) && b[100] == 0);
  CHECK_EQUAL(e.rsi, (uint64_t)(a - 1));
  e = moveBytes(b, b + 1, 99, 0);  // Overlapping: fills with the first byte.
  CHECK(b[99] == b[0]);
  e = fillWords(NULL, b, 50, 0x1234);
  CHECK(b[98] == 0x34 && b[99] == 0x12);
  e = fillBack(NULL, b + 96, 10, 0xaabbccdd);
  CHECK(b[60] == 0xdd && b[59] == 0x12);
  CHECK_EQUAL((uint64_t)(b + 96) - e.rdi, 40);
  e = oneStore(NULL, b, 3, 0x1122334455667788);
  CHECK_EQUAL(e.rdi - (uint64_t)b, 15);
  CHECK(b[0] == 0x88 && b[2] == 0x77 && b[6] == 0x55 && b[14] == 0x11);
  memset(b, 'x', 256);
  b[77] = 'y';
  e = findByte(NULL, b, 256, 'y');
  CHECK_EQUAL(e.rdi - (uint64_t)b, 78);
  CHECK_EQUAL(e.rcx, 256 - 78);
  e = skipByte(NULL, b, 256, 'x');
  CHECK_EQUAL(e.rdi - (uint64_t)b, 78);
  CHECK(!(e.flags & 64));
  e = findByte(NULL, b, 50, 'y');
  CHECK(e.rcx == 0 && !(e.flags & 64));
  memcpy(a, b, 256);
  a[123]++;
  e = compareBytes(a, b, 256, 0);
  CHECK_EQUAL(e.rsi - (uint64_t)a, 124);
  e = compareQuads(a, b, 32, 0);
  CHECK_EQUAL(e.rsi - (uint64_t)a, 128);
  e = compareBytes(a, b, 100, 0);
  CHECK(e.rcx == 0 && e.flags & 64);
  e = differBytes(a, b, 100, 0);
  CHECK_EQUAL(e.rcx, 99);
  e = compareBytes(a, b, 0, 0);  // No turn: the flags of before, 0 < 1.
  CHECK(e.rcx == 0 && e.flags & 1);
  e = loadBytes(b, NULL, 78, 0);
  CHECK_EQUAL(e.rax & 255, 'y');
  e = loadAll("ABBCCCCDDDDDDDD", NULL, 1, 0);
  CHECK_EQUAL(e.rax, 0x4444444444444444);
  e = shortAddress(0, 0, 0x100000000, 0);  // ecx is zero: nothing moves, though rcx is not zero.
  CHECK_EQUAL((uint32_t)e.rcx, 0);
  return verdict();
}
