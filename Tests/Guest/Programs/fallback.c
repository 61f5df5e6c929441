// SPDX-License-Identifier: GPL-3.0-only
// groups: flow calls
// A loop whose last block falls back into its middle without a jump, with values in rcx, rdx and r11 that
// calls outside the loop's code must keep. As Go's compiler lays out releaseSudog.
#include "check.h"

uint64_t lastOf(const uint64_t *words, uint64_t count, uint64_t *first);
void keepsAll(void);

// rsi: words, rdi: how many are left; rdx: the first word met, rcx: the last one. An even word is met
// behind a call, the first one as well.
__asm__(
    "lastOf: push %rdx\n"
    " mov %rdi, %rax\n mov %rsi, %rdi\n mov %rax, %rsi\n"
    " xor %ecx, %ecx\n xor %edx, %edx\n jmp 2f\n"
    "1: mov %r11, %rcx\n"
    "2: dec %rdi\n js 9f\n"
    " mov (%rsi,%rdi,8), %r11\n"
    " test %rdx, %rdx\n je 4f\n"
    " test $1, %r11b\n je 5f\n"
    " jmp 1b\n"
    "4: mov %r11, %rdx\n jmp 1b\n"
    "5: call keepsAll\n jmp 1b\n"
    "9: pop %rax\n mov %rdx, (%rax)\n mov %rcx, %rax\n ret\n"
    "keepsAll: push %rcx\n push %rdx\n push %r11\n"
    " lea 3f(%rip), %rcx\n xor %edx, %edx\n mov $7, %r11d\n call *%rcx\n"
    " pop %r11\n pop %rdx\n pop %rcx\n ret\n"
    "3: mov $9, %ecx\n mov $10, %edx\n mov $11, %r11d\n ret\n");

int main(void) {
  uint64_t words[40];
  for (int round = 0; round < 200; round++) {
    unsigned length = 1 + round % 39;
    for (unsigned i = 0; i < length; i++) words[i] = 1 + 2 * (i * 7 + round);
    // At first all are odd: the calls are not translated before the loop is.
    if (round > 100)
      for (unsigned i = 0; i < length; i++) words[i] += (i * round) % 3 == 1;
    uint64_t first = 0;
    CHECK_EQUAL(lastOf(words, length, &first), words[0]);
    CHECK_EQUAL(first, words[length - 1]);
  }
  return verdict();
}
