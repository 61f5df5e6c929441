// SPDX-License-Identifier: GPL-3.0-only
// Threads that come and go write to one place, one after the other.
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4 };
int shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int mine[THREADS];

static void *work(void *number) {
  for (int i = 0; i < 2000; i++)
    mine[(long)number]++;
  pthread_mutex_lock(&mutex);
  shared += 1;
  pthread_mutex_unlock(&mutex);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  printf("%d\n", shared + mine[0]);
  return 0;
}
