// SPDX-License-Identifier: GPL-3.0-only
// Copies by string instructions, each behind a handler that has run.
#include <signal.h>
#include <stdio.h>

static char from[256], to[256];
static volatile int handled;

static void on(int signal) { handled = signal; }

static void copy(long count) {
  char *source = from, *target = to;
  __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
}

int main(void) {
  signal(SIGUSR1, on);
  for (int i = 0; i < 256; i++) from[i] = i + 1;
  for (int round = 0; round < 3; round++) {
    raise(SIGUSR1);
    copy(256);
    from[100]++;
    from[200]++;
  }
  printf("%d %d\n", to[100], to[200]);
  return 0;
}
