// SPDX-License-Identifier: GPL-3.0-only
// debugged N [wait]: N threads, the first among them, that call visit for ever, or wait for the end of stdin.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char room[64 << 20] = {1};

__attribute__((noinline)) void visit(long number) {
  __asm__ volatile("" : : "r"(number) : "memory");
}

static void *work(void *argument) {
  for (long round = 0;; round++)
    visit((long)argument + round);
  return NULL;
}

static void *rest(void *argument) {
  pause();
  return argument;
}

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1;
  int waits = argc > 2;
  pthread_t thread;
  for (long i = 1; i < count; i++)
    pthread_create(&thread, NULL, waits ? rest : work, (void *)i);
  if (!waits)
    work(NULL);
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0)
    ;
  return 0;
}
