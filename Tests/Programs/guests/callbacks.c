// SPDX-License-Identifier: GPL-3.0-only
// Returns that do not pair with calls, and code that looks at itself.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

extern const char __executable_start[], etext[];
static jmp_buf jump;
static ucontext_t outside, inside;
static char stack[65536];
static int visits;

static __attribute__((noinline)) void unwind(int depth) {
  if (depth == 0)
    longjmp(jump, 7);
  unwind(depth - 1);
  __asm__ volatile("");
}

static void coroutine(void) {
  for (;;) {
    visits++;
    swapcontext(&inside, &outside);
  }
}

// The address behind its own call, and whether it lies in this program's text.
static __attribute__((noinline)) int return_address_is_mine(void) {
  const char *address = __builtin_return_address(0);
  return address >= __executable_start && address < etext;
}

int main(void) {
  int value = setjmp(jump);
  if (value == 0)
    unwind(40);
  printf("longjmp brought %d\n", value);

  getcontext(&inside);
  inside.uc_stack.ss_sp = stack;
  inside.uc_stack.ss_size = sizeof stack;
  inside.uc_link = NULL;
  makecontext(&inside, coroutine, 0);
  for (int i = 0; i < 10; i++)
    swapcontext(&outside, &inside);
  printf("coroutine visits %d\n", visits);

  printf("return address is mine: %d\n", return_address_is_mine());

  uint64_t rcx, r11, number = SYS_getpid, result;
  char *expected;
  __asm__ volatile("lea 1f(%%rip), %3\n syscall\n 1:" : "=a"(result), "=c"(rcx), "=&r"(r11), "=&r"(expected)
                   : "a"(number) : "r11", "memory");
  printf("rcx after a system call: %d, getpid agrees: %d\n", rcx == (uint64_t)expected, result == (uint64_t)getpid());

  uint64_t pushed;
  __asm__ volatile("call 1f\n 1: pop %0\n lea 1b(%%rip), %1" : "=&r"(pushed), "=&r"(expected) : : "memory");
  printf("call to the next instruction: %d\n", pushed == (uint64_t)expected);

  // Code made at run time, then changed in place.
  unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const unsigned char template[] = {0xB8, 0, 0, 0, 0, 0xC3};  // mov eax, imm32; ret
  memcpy(code, template, sizeof template);
  int sum = 0;
  for (int i = 0; i < 50; i++) {
    memcpy(code + 1, &i, sizeof i);
    sum += ((int (*)(void))code)();
  }
  printf("code that is rewritten: %d\n", sum);
  return 0;
}
