// SPDX-License-Identifier: GPL-3.0-only
// 50 threads with a lock, thread-local storage and work of their own; one of them makes threads that
// end at once.
#include "attach.h"

enum { count = 50 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static uint64_t shared;
static uint64_t done[count];
static _Atomic int stopping;
static _Thread_local uint64_t own;

__attribute__((noinline)) void locked_work(uint64_t amount) { shared += amount; }

static void *brief(void *argument) {
  own = (uintptr_t)argument;
  return (void *)(own + 1);
}

static void *work(void *argument) {
  uintptr_t number = (uintptr_t)argument;
  own = number * 1000;
  while (!atomic_load(&stopping)) {
    pthread_mutex_lock(&lock);
    locked_work(number + 1);
    done[number]++;
    if (number % 2) {
      pthread_cond_signal(&turn);
    } else {
      struct timespec until;
      clock_gettime(CLOCK_REALTIME, &until);
      until.tv_nsec += 2000000;
      if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
      }
      pthread_cond_timedwait(&turn, &lock, &until);
    }
    pthread_mutex_unlock(&lock);
    own++;
    if (number == 0) {
      pthread_t thread;
      void *result;
      CHECK(pthread_create(&thread, NULL, brief, (void *)(uintptr_t)own) == 0);
      CHECK(pthread_join(thread, &result) == 0);
      CHECK((uintptr_t)result == own + 1);
    }
    atomic_fetch_add(progress, 1);
    usleep(1000);
  }
  CHECK(own == number * 1000 + done[number]);
  return argument;
}

int main(int argc, char **argv) {
  begin(argc, argv);
  pthread_t threads[count];
  for (uintptr_t i = 0; i < count; i++)
    CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  ready();
  char byte;
  CHECK(read(0, &byte, 1) == 1);
  atomic_store(&stopping, 1);
  uint64_t expected = 0;
  for (uintptr_t i = 0; i < count; i++) {
    void *result;
    CHECK(pthread_join(threads[i], &result) == 0 && (uintptr_t)result == i);
    expected += done[i] * (i + 1);
  }
  CHECK(shared == expected);
  succeed();
}
