// SPDX-License-Identifier: GPL-3.0-only
// groups: signal death
// build: -O1
// status: SIGABRT
// abort with a handler that returns: the handler runs, the process dies all the same.
#include "check.h"
#include <signal.h>

static void handler(int number) {
  static const char text[] = "handler\n";
  (void)number;
  if (write(1, text, sizeof text - 1) < 0) _exit(9);
}

int main(void) {
  signal(SIGABRT, handler);
  abort();
}
