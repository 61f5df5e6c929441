// SPDX-License-Identifier: GPL-3.0-only
// groups: death
// build: -O1
// status: SIGTRAP
// Dies by SIGTRAP, unhandled.
#include "check.h"
#include <signal.h>

int main(void) {
  if (write(1, "before\n", 7) != 7) return 1;
  __asm__("int3");
  puts("survived");
  return 0;
}
