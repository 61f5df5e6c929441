// SPDX-License-Identifier: GPL-3.0-only
// Counts for as long as a debugger lets it.
#include <unistd.h>

volatile unsigned long count;
volatile int stop, come;

__attribute__((noinline)) static void tick(void) { count++; }

int main(void) {
  while (!stop) {
    tick();
    usleep(1000);
  }
  return 7;
}
