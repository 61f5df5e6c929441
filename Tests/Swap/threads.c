// SPDX-License-Identifier: GPL-3.0-only
// Twenty threads that take turns with a mutex and a condition, each with thread-local storage.
//
// usage: threads ROUNDS: they say "half" after a quarter, and go on at 3/8 when the pipe "word" opens.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define COUNT 20
static pthread_mutex_t lock;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static unsigned long next, rounds, sum;
static __thread unsigned long mine;
static void *work(void *argument) {
  unsigned long number = (unsigned long)argument;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (next < rounds && next % COUNT != number) pthread_cond_wait(&turn, &lock);
    if (next >= rounds) break;
    sum = sum * 31 + number + mine++;
    next++;
    if (next == rounds / 4) {
      puts("half");
      fflush(stdout);
    }
    if (next == rounds / 8 * 3) {
      for (FILE *word = 0; !word || fclose(word);) word = fopen("word", "r");
    }
    pthread_cond_broadcast(&turn);
    pthread_mutex_unlock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return (void *)mine;
}
int main(int argc, char **argv) {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&lock, &kind);
  rounds = strtoul(argv[1], 0, 10);
  pthread_t threads[COUNT];
  for (unsigned long i = 0; i < COUNT; i++) pthread_create(&threads[i], 0, work, (void *)i);
  unsigned long all = 0;
  for (int i = 0; i < COUNT; i++) {
    void *result;
    pthread_join(threads[i], &result);
    all += (unsigned long)result;
  }
  printf("%lu %lu\n", all, sum);
  return 0;
}
