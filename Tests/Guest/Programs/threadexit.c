// SPDX-License-Identifier: GPL-3.0-only
// groups: thread
// build: -O1 -pthread
// status: 23
// One thread ends the whole process while others compute, lock, sleep and wait.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static atomic_int computing, sleepers;
static atomic_int sleeper[5];

static void *compute(void *argument) {
  computing++;
  for (volatile uint64_t i = 0;; i++) {}
  return argument;
}
static void *blocked(void *argument) {
  sleeper[sleepers++] = gettid();
  pthread_mutex_lock(&lock);
  return argument;
}
static void *asleep(void *argument) {
  sleeper[sleepers++] = gettid();
  sleep(100);
  return argument;
}
static void *end(void *argument) {
  while (computing < 4) sched_yield();
  for (int i = 0; i < 5; i++) {
    while (sleeper[i] == 0) sched_yield();
    await_state(getpid(), sleeper[i], "S");
  }
  puts("exit");
  exit(23);
  return argument;
}

int main(void) {
  pthread_t thread;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, compute, NULL);
  for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, blocked, NULL);
  pthread_create(&thread, NULL, asleep, NULL);
  pthread_create(&thread, NULL, end, NULL);
  pthread_join(thread, NULL);
  return 1;
}
