// SPDX-License-Identifier: GPL-3.0-only
// Threads that come and go, some hundreds in all and many at a time, joined and detached, from each other.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

static long done, sum;
static __thread long mine[100];
static sem_t ended;

static void *leaf(void *argument) {
  for (int i = 0; i < 100; i++) mine[i] += (intptr_t)argument + i;
  long total = 0;
  for (int i = 0; i < 100; i++) total += mine[i];
  __atomic_add_fetch(&sum, total, __ATOMIC_RELAXED);
  __atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
  return argument;
}
static void *detachedLeaf(void *argument) {
  leaf(argument);
  sem_post(&ended);
  return NULL;
}
static void *branch(void *argument) {
  pthread_t children[4];
  for (intptr_t i = 0; i < 4; i++)
    while (pthread_create(&children[i], NULL, leaf, (void *)i) == EAGAIN) usleep(1000);
  for (intptr_t i = 0; i < 4; i++) {
    void *result;
    pthread_join(children[i], &result);
    if ((intptr_t)result != i) abort();
  }
  return leaf(argument);
}

static pthread_barrier_t all;
static void *stay(void *argument) {
  pthread_barrier_wait(&all);
  leaf(argument);
  pthread_barrier_wait(&all);
  return argument;
}

int main(void) {
  sem_init(&ended, 0, 0);
  for (int round = 0; round < 5; round++) {
    pthread_t threads[20];
    for (intptr_t i = 0; i < 20; i++) pthread_create(&threads[i], NULL, branch, (void *)i);
    for (int i = 0; i < 20; i++) pthread_join(threads[i], NULL);
  }
  CHECK_EQUAL(done, 500);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 65536);
  for (intptr_t i = 0; i < 500; i++) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, &attributes, detachedLeaf, (void *)i), 0);
    if (i % 50 == 49)
      for (int k = 0; k < 50; k++) sem_wait(&ended);
  }
  // Detached threads may still be about to end: many at a time begin only when these are gone.
  struct stat tasks = {0};
  while (tasks.st_nlink != 3) stat("/proc/self/task", &tasks);  // one for each thread, and two
  enum { MANY = 500 };
  pthread_barrier_init(&all, NULL, MANY + 1);
  static pthread_t many[MANY];
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_JOINABLE);
  for (intptr_t i = 0; i < MANY; i++) CHECK_EQUAL(pthread_create(&many[i], &attributes, stay, (void *)i), 0);
  pthread_barrier_wait(&all);
  pthread_barrier_wait(&all);
  for (int i = 0; i < MANY; i++) pthread_join(many[i], NULL);
  CHECK_EQUAL(done, 1000 + MANY);
  printf("%ld\n", sum);
  return verdict();
}
