// SPDX-License-Identifier: GPL-3.0-only
// groups: memory relocation thread signal
// build: -O1 -pthread
// limit: 60
// One thread maps what it likes where xv is, while others compute, wait in calls, take signals and make
// threads and processes.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { computing = 3 };
static volatile int over;
static volatile sig_atomic_t handled;
static int lines[2];
static sem_t started;

static void handler(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  handled += info->si_value.sival_int;
}

static void *compute(void *argument) {
  uint64_t hash = MIX_SEED + (uint64_t)(uintptr_t)argument, rounds = 0;
  sem_post(&started);
  while (!over) {
    for (int i = 0; i < 1000; i++) hash = mix(hash, rounds);
    rounds++;
  }
  uint64_t again = MIX_SEED + (uint64_t)(uintptr_t)argument;
  for (uint64_t round = 0; round < rounds; round++)
    for (int i = 0; i < 1000; i++) again = mix(again, round);
  return (void *)(uintptr_t)(hash == again);
}

/// Waits in a read that nothing but its byte may end.
static void *await(void *argument) {
  (void)argument;
  char byte = 0;
  sem_post(&started);
  ssize_t count = read(lines[0], &byte, 1);
  return (void *)(uintptr_t)(count == 1 && byte == 'x');
}

static void *nothing(void *argument) { return argument; }

/// Threads and processes come and go.
static void *make(void *argument) {
  (void)argument;
  sem_post(&started);
  uintptr_t good = 1;
  do {
    pthread_t thread;
    void *result = NULL;
    good &= pthread_create(&thread, NULL, nothing, &good) == 0;
    pthread_join(thread, &result);
    good &= result == &good;
    pid_t child;
    char *words[] = {"true", NULL}, *environment[] = {NULL};
    int status = -1;
    good &= posix_spawn(&child, "/bin/true", NULL, NULL, words, environment) == 0;
    good &= waitpid(child, &status, 0) == child && status == 0;
  } while (!over);
  return (void *)good;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  sem_init(&started, 0, 0);
  CHECK(pipe(lines) == 0);
  pthread_t threads[computing + 2];
  for (uintptr_t i = 0; i < computing; i++) pthread_create(threads + i, NULL, compute, (void *)i);
  pthread_create(threads + computing, NULL, await, NULL);
  pthread_create(threads + computing + 1, NULL, make, NULL);
  for (int i = 0; i < computing + 2; i++) sem_wait(&started);

  int count = 0, sent = 0;
  for (uint64_t at = 0x300000000000; at < 0x520000000000; at += 0x4000000000) {
    if (at == 0x440000000000) continue;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    void *got = mmap((void *)at, 0x4000000000, PROT_NONE, flags, -1, 0);
    CHECK(got == (void *)at || errno == EEXIST);
    count += got == (void *)at;
    union sigval value = {.sival_int = 1};
    sent += sigqueue(getpid(), SIGUSR1, value) == 0;
  }
  CHECK(count > 100);
  over = 1;
  CHECK(write(lines[1], "x", 1) == 1);
  for (int i = 0; i < computing + 2; i++) {
    void *good = NULL;
    pthread_join(threads[i], &good);
    CHECK_EQUAL((uintptr_t)good, 1);
  }
  CHECK(handled >= 1 && handled <= sent);
  return verdict();
}
