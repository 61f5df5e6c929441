// SPDX-License-Identifier: GPL-3.0-only
// groups: thread
// flush: 60
// build: -O2 -pthread
// build static: -O2 -pthread -static
// needs: -lpthread
// 32 threads: counters under mutexes and atomics, thread-local data, condition variables, barriers,
// read-write locks, joins with values, cancellation, thread-specific destructors.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

enum { threads = 32, turns = 2000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_key_t key;
static _Thread_local uint64_t own = 5;
static uint64_t counted, atomically, turn, written, destroyed;

static void destroy(void *value) { __atomic_fetch_add(&destroyed, (uint64_t)value, __ATOMIC_SEQ_CST); }

__attribute__((noinline)) static uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static void *work(void *argument) {
  uint64_t number = (uint64_t)argument;
  pthread_setspecific(key, (void *)(number + 1));
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < turns; i++) {
    pthread_mutex_lock(&lock);
    counted++;
    pthread_mutex_unlock(&lock);
    __atomic_fetch_add(&atomically, number, __ATOMIC_RELAXED);
    own += i ^ number;
    if (i % 100 == 0) {
      pthread_rwlock_wrlock(&shared);
      written++;
      pthread_rwlock_unlock(&shared);
    }
  }
  // Each in its turn.
  pthread_mutex_lock(&lock);
  while (turn != number) pthread_cond_wait(&changed, &lock);
  turn++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return (void *)(own + fib(15));
}

static void *endless(void *argument) {
  for (;;) sched_yield(), pthread_testcancel();
  return argument;
}

static void *leave(void *argument) {
  if (argument) pthread_exit((void *)77);
  return NULL;
}

int main(void) {
  pthread_t all[threads];
  pthread_barrier_init(&barrier, NULL, threads);
  pthread_key_create(&key, destroy);
  for (uint64_t i = 0; i < threads; i++) CHECK(pthread_create(&all[i], NULL, work, (void *)i) == 0);
  for (uint64_t i = 0; i < threads; i++) {
    void *result;
    uint64_t expected = 5 + 610;
    for (uint64_t k = 0; k < turns; k++) expected += k ^ i;
    CHECK(pthread_join(all[i], &result) == 0);
    CHECK_EQUAL(result, expected);
  }
  CHECK_EQUAL(counted, threads * turns);
  CHECK_EQUAL(atomically, (uint64_t)turns * threads * (threads - 1) / 2);
  CHECK_EQUAL(written, threads * turns / 100);
  CHECK_EQUAL(destroyed, threads * (threads + 1) / 2);
  CHECK_EQUAL(own, 5);
  pthread_t one;
  void *result;
  pthread_create(&one, NULL, endless, NULL);
  pthread_cancel(one);
  CHECK(pthread_join(one, &result) == 0 && result == PTHREAD_CANCELED);
  // Many short ones after each other.
  for (int i = 0; i < 200; i++) {
    CHECK(pthread_create(&one, NULL, leave, (void *)1) == 0);
    CHECK(pthread_join(one, &result) == 0 && result == (void *)77);
  }
  CHECK_EQUAL(syscall(SYS_gettid), getpid());
  return verdict();
}
