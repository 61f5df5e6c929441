// SPDX-License-Identifier: GPL-3.0-only
// groups: flow flags
// build: -O1
// All sixteen conditions, near and short, taken and not, under every state of the flags; and the
// flags are the same after the jumps as before them.
#include "check.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, all = CF | PF | AF | ZF | SF | OF };

// Bit n of the result: condition n held, seen by a short forward jump; bit 16+n: by a near one.
uint64_t shortForward(uint64_t flags, uint64_t *after);
uint64_t nearBackward(uint64_t flags, uint64_t *after);
uint64_t movesAndSets(uint64_t flags);

__asm__(".altmacro\n"
        ".macro forward cc, bit\n"
        "  j\\cc 1f\n"
        "  jmp 2f\n"
        "1: lea 1<<\\bit(%rax), %rax\n"
        "2:\n"
        ".endm\n"
        ".macro backward cc, bit\n"
        "  jmp 2f\n"
        "  .skip 200, 0x90\n"
        "1: lea 1<<\\bit(%rax), %rax\n"
        "  jmp 3f\n"
        "  .skip 200, 0x90\n"
        "2: j\\cc 1b\n"
        "3:\n"
        ".endm\n"
        ".macro sixteen what\n"
        "  \\what o,0\n \\what no,1\n \\what b,2\n \\what ae,3\n \\what e,4\n \\what ne,5\n"
        "  \\what be,6\n \\what a,7\n \\what s,8\n \\what ns,9\n \\what p,10\n \\what np,11\n"
        "  \\what l,12\n \\what ge,13\n \\what le,14\n \\what g,15\n"
        ".endm\n"
        ".macro moves cc, bit\n"
        "  mov $0, %ecx\n"
        "  cmov\\cc %r8, %rcx\n"
        "  set\\cc %dl\n"
        "  movzx %dl, %edx\n"
        "  lea (%rax,%rcx), %rax\n"
        "  mov $0, %ecx\n"
        "  rorx $(64-16-\\bit), %rdx, %rdx\n"
        "  lea (%rax,%rdx), %rax\n"
        "  lea (%r8,%r8), %r8\n"
        ".endm\n"
        "shortForward:\n"
        "  push %rdi\n popfq\n mov $0, %eax\n"
        "  sixteen forward\n"
        "  pushfq\n pop (%rsi)\n ret\n"
        "nearBackward:\n"
        "  push %rdi\n popfq\n mov $0, %eax\n"
        "  sixteen backward\n"
        "  pushfq\n pop (%rsi)\n ret\n"
        "movesAndSets:\n"
        "  push %rdi\n popfq\n mov $0, %eax\n mov $1, %r8d\n"
        "  sixteen moves\n"
        "  ret\n");

static uint64_t expected(uint64_t f) {
  int c = !!(f & CF), z = !!(f & ZF), s = !!(f & SF), o = !!(f & OF), p = !!(f & PF);
  int even[8] = {o, c, z, c | z, s, p, s != o, z | (s != o)};
  uint64_t bits = 0;
  for (int i = 0; i < 8; i++) bits |= (uint64_t)(even[i] ? 1 : 2) << (2 * i);
  return bits;
}

int main(void) {
  for (int state = 0; state < 64; state++) {
    uint64_t flags = (state & 1 ? CF : 0) | (state & 2 ? PF : 0) | (state & 4 ? AF : 0) |
                     (state & 8 ? ZF : 0) | (state & 16 ? SF : 0) | (state & 32 ? OF : 0);
    uint64_t after = 0;
    CHECK_EQUAL(shortForward(flags | 0x202, &after), expected(flags));
    CHECK_EQUAL(after & all, flags);
    CHECK_EQUAL(nearBackward(flags | 0x202, &after), expected(flags));
    CHECK_EQUAL(after & all, flags);
    if (__builtin_cpu_supports("bmi2"))
      CHECK_EQUAL(movesAndSets(flags | 0x202), expected(flags) * 0x10001);
    else
      checksMade++;
  }
  return verdict();
}
