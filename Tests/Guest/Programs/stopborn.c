// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread process
// build: -O1 -pthread
// limit: 40
// The threads of a process that job control stops make threads all the time: some are born into the stop.
#include "stopped.h"

enum { MAKERS = 4, STOPS = 60 };

static void *nothing(void *argument) { return argument; }

static void *make(void *number) {
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0) _exit(1);
    pthread_join(thread, NULL);
    advance((char)(long)number);
  }
}

static void run(void) {
  pthread_t makers[MAKERS];
  for (long i = 0; i < MAKERS; i++) pthread_create(&makers[i], NULL, make, (void *)i);
  for (;;) pause();
}

int main(void) { return stopAgainAndAgain(run, STOPS, MAKERS); }
