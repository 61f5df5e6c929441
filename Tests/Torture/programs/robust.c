// SPDX-License-Identifier: GPL-3.0-only
// Robust mutexes whose holder ends without unlocking: a thread, a process; and priority inheritance.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct Shared {
  pthread_mutex_t lock;
  long value;
};

static void prepare(struct Shared *shared, int protocol) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  pthread_mutex_init(&shared->lock, &attributes);
  shared->value = 0;
}

static void *lockAndEnd(void *argument) {
  struct Shared *shared = argument;
  int result = pthread_mutex_lock(&shared->lock);
  if (result == EOWNERDEAD) pthread_mutex_consistent(&shared->lock);
  shared->value++;
  return (void *)(intptr_t)result;
}

int main(void) {
  for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_INHERIT; protocol++) {
    struct Shared *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    prepare(shared, protocol);
    for (int round = 0; round < 50; round++) {
      pthread_t thread;
      void *result;
      pthread_create(&thread, NULL, lockAndEnd, shared);
      pthread_join(thread, &result);
      CHECK_EQUAL((intptr_t)result, round ? EOWNERDEAD : 0);
    }
    for (int round = 0; round < 20; round++) {
      pid_t child = fork();
      if (child == 0) {
        long result = (intptr_t)lockAndEnd(shared);
        if (round % 2) kill(getpid(), SIGKILL);
        _exit(result == EOWNERDEAD ? 5 : 6);
      }
      int status;
      waitpid(child, &status, 0);
      CHECK_EQUAL(status, round % 2 ? SIGKILL : 5 << 8);
    }
    CHECK_EQUAL(pthread_mutex_lock(&shared->lock), EOWNERDEAD);
    pthread_mutex_unlock(&shared->lock);
    CHECK_EQUAL(pthread_mutex_lock(&shared->lock), ENOTRECOVERABLE);
    CHECK_EQUAL(shared->value, 70);
    munmap(shared, 4096);
  }
  return verdict();
}
