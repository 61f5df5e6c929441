// SPDX-License-Identifier: GPL-3.0-only
// groups: death
// build: -O1
// status: SIGFPE
// Dies by SIGFPE, unhandled.
#include "check.h"
#include <signal.h>

int main(void) {
  if (write(1, "before\n", 7) != 7) return 1;
  volatile int zero = 0; zero = 100 / zero;
  puts("survived");
  return 0;
}
