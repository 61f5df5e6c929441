// SPDX-License-Identifier: GPL-3.0-only
// Mutexes, condition variables, reader-writer locks, barriers, semaphores, spin locks: every count comes out right.
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 16, ROUNDS = 400, QUEUE = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t notEmpty = PTHREAD_COND_INITIALIZER, notFull = PTHREAD_COND_INITIALIZER;
static int queue[QUEUE], head, filled;
static long consumed;

static void *produce(void *argument) {
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&lock);
    while (filled == QUEUE) pthread_cond_wait(&notFull, &lock);
    queue[(head + filled++) % QUEUE] = (int)(intptr_t)argument * ROUNDS + i;
    pthread_cond_signal(&notEmpty);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static void *consume(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&lock);
    while (filled == 0) pthread_cond_wait(&notEmpty, &lock);
    consumed += queue[head];
    head = (head + 1) % QUEUE;
    filled--;
    pthread_cond_broadcast(&notFull);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static long pair[2], torn;

static void *readOrWrite(void *argument) {
  for (int i = 0; i < ROUNDS * 10; i++) {
    if ((i + (intptr_t)argument) % 8 == 0) {
      pthread_rwlock_wrlock(&shared);
      pair[0]++;
      pair[1]++;
    } else {
      pthread_rwlock_rdlock(&shared);
      if (pair[0] != pair[1]) __atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
    }
    pthread_rwlock_unlock(&shared);
  }
  return NULL;
}

static pthread_barrier_t barrier;
static int phases[THREADS], serial, uneven;

static void *meet(void *argument) {
  intptr_t me = (intptr_t)argument;
  for (int i = 0; i < ROUNDS / 4; i++) {
    phases[me] = i;
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
      __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    for (int other = 0; other < THREADS; other++)
      if (phases[other] != i) __atomic_add_fetch(&uneven, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static sem_t tokens;
static pthread_spinlock_t spin;
static int inside, tooMany;
static long spun;

static void *passThrough(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    sem_wait(&tokens);
    if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) > 3) tooMany = 1;
    for (int k = 0; k < 5; k++) {
      pthread_spin_lock(&spin);
      spun++;
      pthread_spin_unlock(&spin);
    }
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    sem_post(&tokens);
  }
  return NULL;
}

static int onceCount;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void countOnce(void) { onceCount++; }

static void *timedOut(void *unused) {
  (void)unused;
  static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;
  static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
  pthread_once(&once, countOnce);
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += 2000000;
  if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
  pthread_mutex_lock(&mine);
  int result = pthread_cond_timedwait(&never, &mine, &at);
  pthread_mutex_unlock(&mine);
  return (void *)(intptr_t)result;
}

static void together(void *(*body)(void *), void *(*other)(void *), void **results) {
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, i % 2 && other ? other : body, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], results ? &results[i] : NULL);
}

int main(void) {
  together(produce, consume, NULL);
  long expected = 0;
  for (int t = 0; t < THREADS; t += 2)
    for (int i = 0; i < ROUNDS; i++) expected += t * ROUNDS + i;
  CHECK_EQUAL(consumed, expected);
  CHECK_EQUAL(filled, 0);

  together(readOrWrite, NULL, NULL);
  CHECK_EQUAL(torn, 0);
  CHECK_EQUAL(pair[0], THREADS * ROUNDS * 10 / 8);

  pthread_barrier_init(&barrier, NULL, THREADS);
  together(meet, NULL, NULL);
  CHECK_EQUAL(serial, ROUNDS / 4);
  CHECK_EQUAL(uneven, 0);

  sem_init(&tokens, 0, 3);
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  together(passThrough, NULL, NULL);
  CHECK_EQUAL(spun, THREADS * ROUNDS * 5);
  CHECK_EQUAL(tooMany, 0);

  void *results[THREADS];
  together(timedOut, NULL, results);
  for (int i = 0; i < THREADS; i++) CHECK_EQUAL((intptr_t)results[i], 110);  // ETIMEDOUT
  CHECK_EQUAL(onceCount, 1);
  return verdict();
}
