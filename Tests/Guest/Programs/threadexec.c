// SPDX-License-Identifier: GPL-3.0-only
// groups: thread process
// build: -O1 -pthread
// status: 9
// A thread that is not the first becomes another program while others compute: all else ends, the
// process keeps its number.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_int computing;

static void *compute(void *argument) {
  computing++;
  for (volatile uint64_t i = 0;; i++) {}
  return argument;
}

static void *become(void *argument) {
  char script[100];
  while (computing < 3) sched_yield();
  snprintf(script, sizeof script, "test $$ = %d && echo same; exit 9", getpid());
  execl("/bin/sh", "sh", "-c", script, NULL);
  return argument;
}

int main(void) {
  pthread_t thread;
  for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, compute, NULL);
  pthread_create(&thread, NULL, become, NULL);
  pthread_join(thread, NULL);
  return 1;
}
