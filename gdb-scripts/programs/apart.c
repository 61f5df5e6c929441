// SPDX-License-Identifier: GPL-3.0-only
// Two threads that wait for nobody: one counts until the other, which a debugger stops, has said enough.
#include <pthread.h>
#include <stdio.h>

static volatile long counter;
static volatile int enough;

static void tick(void) { counter++; }

static void *count(void *unused) {
  while (!enough) tick();
  return unused;
}

static long least = 10;

static void reached(void) {
  while (counter < least) {}
}

static void leave(void) { enough = 1; }

int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, count, 0);
  reached();
  long before = counter;
  least = before + 10;
  reached();
  leave();
  pthread_join(thread, 0);
  printf("%d\n", counter > before);
  return 0;
}
