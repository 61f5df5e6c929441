// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1 -pthread
// status: 3
// A process that outlives the program that made it, with threads that wait and threads that work: it goes
// on when the program has ended, and writes down what came out.
#include "check.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

static int alive[2], work[2];

static void *waits(void *argument) {
  char byte = 0;
  return (void *)(long)(read(work[0], &byte, 1) == 1 && byte == *(char *)argument);
}

static volatile int isOver;
static void *computes(void *unused) {
  (void)unused;
  unsigned long sum = 0, rounds = 0;
  while (!isOver || rounds < 1000)
    for (rounds++; rounds % 1000; rounds++) sum = sum * 3 + rounds;
  return (void *)(sum | 1);
}

static void serve(void) {
  pthread_t waiting, computing;
  char byte = 5, end;
  void *seen, *sum;
  close(alive[1]);
  pthread_create(&waiting, NULL, waits, &byte);
  pthread_create(&computing, NULL, computes, NULL);
  // Closed when the program ends, which is when it is let go.
  long ended = read(alive[0], &end, 1);
  write(work[1], &byte, 1);
  pthread_join(waiting, &seen);
  isOver = 1;
  pthread_join(computing, &sum);
  pid_t child = fork();
  if (!child) _exit(6);
  int status = 0;
  waitpid(child, &status, 0);
  dprintf(1, "daemon: %ld %ld %d %d\n", ended, (long)seen, sum != NULL, WEXITSTATUS(status));
}

int main(void) {
  char byte;
  int ready[2];
  if (pipe(alive) || pipe(work) || pipe(ready)) return 1;
  if (!fork()) {
    setsid();
    if (!fork()) {
      write(ready[1], "r", 1);
      serve();
      _exit(0);
    }
    _exit(0);
  }
  if (read(ready[0], &byte, 1) != 1) return 1;
  wait(NULL);
  return 3;
}
