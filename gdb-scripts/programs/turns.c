// SPDX-License-Identifier: GPL-3.0-only
// turns N: N threads, the first among them, that take turns and then all run at once.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 3, MEETINGS = 2 };

static long count, turn, sum;
static long met;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

__attribute__((noinline)) long visit(long number, long round) {
  long part = number * 10 + round;
  sum += part;
  return sum;
}

__attribute__((noinline)) void meet(long number) {
  __atomic_fetch_add(&met, number + 1, __ATOMIC_SEQ_CST);
}

__attribute__((noinline)) void done(long total) {
  printf("%ld, %ld\n", total, met);
}

static void *work(void *argument) {
  long number = (long)argument;
  for (long round = 0; round < ROUNDS; round++) {
    pthread_mutex_lock(&lock);
    while (turn != round * count + number)
      pthread_cond_wait(&changed, &lock);
    visit(number, round);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
  }
  // Nobody meets before all have had their turns.
  pthread_mutex_lock(&lock);
  while (turn < ROUNDS * count)
    pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < MEETINGS; i++)
    meet(number);
  return NULL;
}

int main(int argc, char **argv) {
  count = argc > 1 ? atol(argv[1]) : 1;
  pthread_t threads[count];
  for (long i = 1; i < count; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  work(NULL);
  for (long i = 1; i < count; i++)
    pthread_join(threads[i], NULL);
  done(sum);
  return 0;
}
