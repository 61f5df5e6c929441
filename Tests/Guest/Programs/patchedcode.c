// SPDX-License-Identifier: GPL-3.0-only
// A program that writes over its own code, which is a file's: what one run translates of the changed page
// must not be taken for the file's in the next, nor the file's for what was changed.
#include "check.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { page = 4096 };

__attribute__((section(".text.answer"), aligned(page), noinline, noclone)) static int answer(void) {
  int value;
  __asm__ volatile("movl $1,%0" : "=a"(value));  // b8 01 00 00 00
  return value;
}

/// Behind `answer` on its page, so that nothing else is.
__attribute__((section(".text.answer"), aligned(page), noinline, used)) static int behind(void) { return 3; }

static unsigned char *immediate(void) {
  static const unsigned char text[] = {0xb8, 1, 0, 0, 0};
  return (unsigned char *)memmem((void *)answer, 64, text, sizeof text) + 1;
}

static void change(unsigned char *at, unsigned char value) {
  void *start = (void *)((unsigned long)at & -page);
  CHECK_EQUAL(mprotect(start, page, PROT_READ | PROT_WRITE), 0);
  *at = value;
  CHECK_EQUAL(mprotect(start, page, PROT_READ | PROT_EXEC), 0);
}

int main(void) {
  int (*volatile call)(void) = answer;
  unsigned char *at = immediate();
  CHECK_EQUAL(call(), 1);
  change(at, 2);
  CHECK_EQUAL(call(), 2);
  change(at, 1);
  CHECK_EQUAL(call(), 1);
  change(at, 4);
  CHECK_EQUAL(call(), 4);
  CHECK_EQUAL(behind(), 3);
  return verdict();
}
