// SPDX-License-Identifier: GPL-3.0-only
// Threads that reach the same place at the same time, again and again.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 3, ROUNDS = 40 };
static atomic_int arrived;
static atomic_int done;

static void meet(void) {
  atomic_fetch_add(&done, 1);
}

static void *run(void *unused) {
  (void)unused;
  for (int round = 1; round <= ROUNDS; round++) {
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < round * THREADS) {
    }
    meet();
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, NULL);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("%d meetings\n", atomic_load(&done));
  return 0;
}
