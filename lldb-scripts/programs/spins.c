// SPDX-License-Identifier: GPL-3.0-only
// Runs until a debugger says otherwise, or for some minutes.
#include <unistd.h>

volatile int go_on;
volatile unsigned long rounds;

int main(void) {
  alarm(300);
  while (!go_on) rounds++;
  return 7;
}
