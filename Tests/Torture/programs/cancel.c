// SPDX-License-Identifier: GPL-3.0-only
// Cancellation: deferred at blocking calls and tests, asynchronous in a loop, disabled and enabled; clean-up handlers and
// thread-specific data see each end.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <semaphore.h>

static int cleaned, destroyed;
static pthread_key_t key;
static sem_t ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int ends[2];

static void clean(void *unused) {
  (void)unused;
  __atomic_add_fetch(&cleaned, 1, __ATOMIC_SEQ_CST);
}
static void unlock(void *mutex) {
  pthread_mutex_unlock(mutex);
  clean(NULL);
}
static void destroy(void *unused) {
  (void)unused;
  __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static void *inRead(void *unused) {
  char byte;
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  sem_post(&ready);
  for (;;) (void)!read(ends[0], &byte, 1);
  pthread_cleanup_pop(0);
  return unused;
}
static void *inSleep(void *unused) {
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  sem_post(&ready);
  for (;;) sleep(1000);
  pthread_cleanup_pop(0);
  return unused;
}
static void *inWait(void *unused) {
  pthread_mutex_lock(&lock);
  pthread_cleanup_push(unlock, &lock);
  pthread_setspecific(key, &key);
  sem_post(&ready);
  for (;;) pthread_cond_wait(&never, &lock);
  pthread_cleanup_pop(0);
  return unused;
}
static void *inPoll(void *unused) {
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  sem_post(&ready);
  for (;;) poll(NULL, 0, -1);
  pthread_cleanup_pop(0);
  return unused;
}
static void *inTest(void *unused) {
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  sem_post(&ready);
  for (;;) pthread_testcancel();
  pthread_cleanup_pop(0);
  return unused;
}
static volatile unsigned long counter;
static void *inLoop(void *unused) {
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  sem_post(&ready);
  for (;;) counter++;
  pthread_cleanup_pop(0);
  return unused;
}
static int wasDisabled;
static void *disabled(void *unused) {
  pthread_cleanup_push(clean, NULL);
  pthread_setspecific(key, &key);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
  sem_post(&ready);
  for (unsigned long i = 0; i < 200000; i++) counter += i;
  pthread_testcancel();
  __atomic_add_fetch(&wasDisabled, 1, __ATOMIC_SEQ_CST);
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
  for (;;) usleep(1000);
  pthread_cleanup_pop(0);
  return unused;
}

int main(void) {
  void *(*const bodies[])(void *) = {inRead, inSleep, inWait, inPoll, inTest, inLoop, disabled};
  enum { KINDS = sizeof bodies / sizeof *bodies, ROUNDS = 40 };
  CHECK(pipe(ends) == 0);
  pthread_key_create(&key, destroy);
  sem_init(&ready, 0, 0);
  int cancelled = 0;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[KINDS];
    for (int kind = 0; kind < KINDS; kind++) pthread_create(&threads[kind], NULL, bodies[kind], NULL);
    for (int kind = 0; kind < KINDS; kind++)
      while (sem_wait(&ready) && errno == EINTR) {}
    for (int kind = 0; kind < KINDS; kind++) pthread_cancel(threads[(kind + round) % KINDS]);
    for (int kind = 0; kind < KINDS; kind++) {
      void *result = NULL;
      pthread_join(threads[kind], &result);
      cancelled += result == PTHREAD_CANCELED;
    }
  }
  CHECK_EQUAL(cancelled, KINDS * ROUNDS);
  CHECK_EQUAL(cleaned, KINDS * ROUNDS);
  CHECK_EQUAL(destroyed, KINDS * ROUNDS);
  CHECK_EQUAL(wasDisabled, ROUNDS);
  return verdict();
}
