// SPDX-License-Identifier: GPL-3.0-only
// groups: death
// build: -O1
// status: SIGILL
// Dies by SIGILL, unhandled.
#include "check.h"
#include <signal.h>

int main(void) {
  if (write(1, "before\n", 7) != 7) return 1;
  __builtin_trap();
  puts("survived");
  return 0;
}
