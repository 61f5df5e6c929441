// SPDX-License-Identifier: GPL-3.0-only
// groups: death signal
// build: -O1
// status: SIGSEGV
// A fault whose signal is blocked, with a handler that would have returned: the kernel kills.
#include "check.h"
#include <signal.h>

static void handler(int number) {
  (void)number;
  if (write(1, "handler\n", 8) != 8) _exit(2);
}

int main(void) {
  sigset_t set;
  signal(SIGSEGV, handler);
  sigemptyset(&set);
  sigaddset(&set, SIGSEGV);
  sigprocmask(SIG_BLOCK, &set, NULL);
  if (write(1, "before\n", 7) != 7) return 1;
  *(volatile int *)16 = 1;
  return 0;
}
