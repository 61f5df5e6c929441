// SPDX-License-Identifier: GPL-3.0-only
// groups: flow flags
// build: -O1
// loop, loope, loopne, jrcxz and jecxz, forward and backward, with rcx and ecx: what they do to
// rcx, and that they leave the flags alone.
#include "check.h"

struct Result {
  uint64_t count, rcx, flags;
};

#define LOOP(name, instruction, setup)                                                             \
  void name(uint64_t rcx, uint64_t flags, struct Result *result);                                  \
  __asm__(#name ":\n"                                                                              \
          "  mov %rdi, %rcx\n push %rsi\n xor %eax, %eax\n popfq\n"                                \
          "1: lea 1(%rax), %rax\n" setup "  " instruction " 1b\n"                                  \
          "  mov %rax, (%rdx)\n mov %rcx, 8(%rdx)\n pushfq\n pop 16(%rdx)\n ret\n")

#define FORWARD(name, instruction)                                                                 \
  void name(uint64_t rcx, uint64_t flags, struct Result *result);                                  \
  __asm__(#name ":\n"                                                                              \
          "  mov %rdi, %rcx\n xor %eax, %eax\n push %rsi\n popfq\n"                                \
          "  " instruction " 1f\n lea 1(%rax), %rax\n"                                             \
          "1: mov %rax, (%rdx)\n mov %rcx, 8(%rdx)\n pushfq\n pop 16(%rdx)\n ret\n")

LOOP(loopBack, "loop", "");
LOOP(loopeBack, "loope", "");
LOOP(loopneBack, "loopne", "");
LOOP(loopShort, "addr32 loop", "");
LOOP(loopCompare, "loopne", "cmp $5, %rax\n");
LOOP(jrcxzBack, "jrcxz", "lea -1(%rcx), %rcx\n cmp $3, %rax\n ja 2f\n");
__asm__("2: mov %rax, (%rdx)\n mov %rcx, 8(%rdx)\n pushfq\n pop 16(%rdx)\n ret\n");
FORWARD(loopForward, "loop");
FORWARD(loopeForward, "loope");
FORWARD(loopneForward, "loopne");
FORWARD(jrcxzForward, "jrcxz");
FORWARD(jecxzForward, "jecxz");
FORWARD(loop32Forward, "addr32 loop");

int main(void) {
  static const uint64_t counts[] = {1, 2, 7, 0x100000000, 0x100000001, 0};
  enum { carry = 1, parity = 4, zero = 64, sign = 128, over = 2048, base = 0x202 };
  static const uint64_t states[] = {0, carry, zero, sign | over, carry | parity | zero | sign | over};
  struct Result r;
  for (unsigned s = 0; s < 5; s++) {
    uint64_t flags = base | states[s];
    int z = !!(states[s] & zero);
    for (unsigned c = 0; c < 3; c++) {
      uint64_t n = counts[c];
      loopBack(n, flags, &r);
      CHECK_EQUAL(r.count, n);
      CHECK_EQUAL(r.rcx, 0);
      CHECK_EQUAL(r.flags, flags);
      loopeBack(n, flags, &r);
      CHECK_EQUAL(r.count, z ? n : 1);
      CHECK_EQUAL(r.rcx, z ? 0 : n - 1);
      CHECK_EQUAL(r.flags, flags);
      loopneBack(n, flags, &r);
      CHECK_EQUAL(r.count, z ? 1 : n);
      CHECK_EQUAL(r.flags, flags);
      loopShort(n, flags, &r);
      CHECK_EQUAL(r.count, n);
      CHECK_EQUAL(r.rcx, 0);
    }
    for (unsigned c = 0; c < 6; c++) {
      uint64_t n = counts[c];
      loopForward(n, flags, &r);
      CHECK_EQUAL(r.count, n == 1);
      CHECK_EQUAL(r.rcx, n - 1);
      loopeForward(n, flags, &r);
      CHECK_EQUAL(r.count, !(n != 1 && z));
      loopneForward(n, flags, &r);
      CHECK_EQUAL(r.count, !(n != 1 && !z));
      CHECK_EQUAL(r.flags, flags);
      jrcxzForward(n, flags, &r);
      CHECK_EQUAL(r.count, n != 0);
      CHECK_EQUAL(r.rcx, n);
      CHECK_EQUAL(r.flags, flags);
      jecxzForward(n, flags, &r);
      CHECK_EQUAL(r.count, (uint32_t)n != 0);
      CHECK_EQUAL(r.rcx, n);
      loop32Forward(n, flags, &r);
      CHECK_EQUAL(r.count, (uint32_t)n == 1);
      CHECK_EQUAL(r.rcx, (uint32_t)(n - 1));
      CHECK_EQUAL(r.flags, flags);
    }
  }
  loopCompare(100, base, &r);
  CHECK_EQUAL(r.count, 5);
  CHECK_EQUAL(r.rcx, 95);
  jrcxzBack(1, base, &r);
  CHECK_EQUAL(r.count, 2);
  CHECK_EQUAL(r.rcx, (uint64_t)-1);
  return verdict();
}
