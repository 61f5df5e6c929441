// SPDX-License-Identifier: GPL-3.0-only
// Many threads call the same function at the same time, each with its own numbers.
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 64, ROUNDS = 20 };

static volatile long sums[THREADS];
static pthread_barrier_t barrier;

__attribute__((noinline)) void visit(long number, int round) {
  sums[number] += round;
}

__attribute__((noinline)) void done(long total) {
  sums[0] = total;
}

static void *work(void *argument) {
  pthread_barrier_wait(&barrier);
  for (int round = 0; round < ROUNDS; round++)
    visit((long)argument, round);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  long total = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    total += sums[i];
  }
  done(total);
  printf("%ld\n", total);
  return 0;
}
