// SPDX-License-Identifier: GPL-3.0-only
// groups: thread
// build: -O1 -pthread
// status: 23
// One thread ends the whole process while others compute, lock, sleep and wait.
#include "check.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *compute(void *argument) {
  for (volatile uint64_t i = 0;; i++) {}
  return argument;
}
static void *blocked(void *argument) {
  pthread_mutex_lock(&lock);
  return argument;
}
static void *asleep(void *argument) {
  sleep(100);
  return argument;
}
static void *end(void *argument) {
  usleep(50000);
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
