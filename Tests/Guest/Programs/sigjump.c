// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// siglongjmp out of handlers, thousands of times, from faults and from raised signals, with the
// mask put back; stack overflow caught on an alternate stack.
#include "check.h"
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;
static volatile int caught;
static char alternate[65536];

static void leave(int number) {
  caught++;
  siglongjmp(back, number);
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int recurse(volatile int *deeper) {
  volatile char room[1000];
  room[0] = (char)*deeper;
  return recurse(deeper) + room[0];
}

int main(void) {
  struct sigaction action = {.sa_handler = leave, .sa_flags = SA_ONSTACK};
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGFPE, &action, NULL);
  volatile int zero = 0, sum = 0;
  for (volatile int i = 0; i < 2000; i++) {
    int number = sigsetjmp(back, 1);
    if (number == 0) {
      switch (i % 3) {
      case 0: *(volatile int *)8 = 1; break;
      case 1: raise(SIGUSR1); break;
      default: sum += 100 / zero;
      }
      CHECK(!"reached");
    }
    sum += number;
  }
  CHECK_EQUAL(caught, 2000);
  CHECK_EQUAL(sum, 667 * SIGSEGV + 667 * SIGUSR1 + 666 * SIGFPE);
  sigset_t now;
  sigprocmask(0, NULL, &now);
  CHECK(!sigismember(&now, SIGSEGV) && !sigismember(&now, SIGUSR1) && !sigismember(&now, SIGFPE));
  volatile int one = 1;
  for (volatile int i = 0; i < 3; i++)
    if (!sigsetjmp(back, 1)) recurse(&one);
  CHECK_EQUAL(caught, 2003);
  return verdict();
}
