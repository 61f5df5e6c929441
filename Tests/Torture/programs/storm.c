// SPDX-License-Identifier: GPL-3.0-only
// Threads that signal one another as fast as they can, while each computes; and floods of real-time signals with data,
// of which none may be lost and none may overtake another of its number.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { THREADS = 8, SENDS = 3000, QUEUED = 4000 };

static pid_t threadIDs[THREADS];
static long received[THREADS];
static __thread int me = -1;
static pthread_barrier_t start;

static void count(int signal) {
  (void)signal;
  if (me >= 0) received[me]++;
}

static uint64_t compute(uint64_t seed, int rounds) {
  double d = (double)seed;
  for (int i = 0; i < rounds; i++) {
    seed = mix(seed, (uint64_t)i);
    d = d / 3.0 + (double)(seed & 0xffff);
  }
  return seed ^ (uint64_t)d;
}

static void *stormy(void *argument) {
  me = (int)(intptr_t)argument;
  threadIDs[me] = (pid_t)syscall(SYS_gettid);
  pthread_barrier_wait(&start);
  uint64_t hash = MIX_SEED;
  for (int i = 0; i < SENDS; i++) {
    syscall(SYS_tgkill, getpid(), threadIDs[(me + i) % THREADS], i % 2 ? SIGUSR1 : SIGUSR2);
    hash = compute(hash ^ (uint64_t)i, 20);
  }
  pthread_barrier_wait(&start);
  return (void *)hash;
}

// Each number is sent its own rising sequence.
static volatile int last[65], outOfOrder, got, wrongSender;

static void keep(int number, siginfo_t *information, void *context) {
  (void)context;
  int value = information->si_value.sival_int;
  if (value != last[number] + 1) outOfOrder++;
  last[number] = value;
  if (information->si_code != SI_QUEUE) wrongSender++;
  got++;
}

int main(void) {
  struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  pthread_barrier_init(&start, NULL, THREADS);
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, stormy, (void *)i);
  for (intptr_t i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    uint64_t hash = MIX_SEED;
    for (int k = 0; k < SENDS; k++) hash = compute(hash ^ (uint64_t)k, 20);
    CHECK_EQUAL(result, hash);
    CHECK(received[i] > 0);
  }

  // From another process; the queue has a bound, so the sender waits when it is full.
  struct sigaction queued = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigfillset(&queued.sa_mask);
  for (int k = 0; k < 4; k++) sigaction(SIGRTMIN + k, &queued, NULL);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 1; i <= QUEUED; i++)
      for (int k = 0; k < 4; k++)
        while (sigqueue(getppid(), SIGRTMIN + k, (union sigval){.sival_int = i}) && errno == EAGAIN) usleep(100);
    _exit(0);
  }
  uint64_t hash = MIX_SEED;
  int status = -1, rounds = 0;
  while (waitpid(child, &status, WNOHANG) == 0) hash = compute(hash, 50), rounds++;
  uint64_t again = MIX_SEED;
  while (rounds-- > 0) again = compute(again, 50);
  CHECK_EQUAL(hash, again);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(got, QUEUED * 4);
  CHECK_EQUAL(outOfOrder, 0);
  CHECK_EQUAL(wrongSender, 0);

  // To a set that is blocked, taken by sigwaitinfo: lowest number first, then in order.
  sigset_t set;
  sigemptyset(&set);
  for (int k = 0; k < 4; k++) sigaddset(&set, SIGRTMIN + k);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 100; i++)
    for (int k = 3; k >= 0; k--) sigqueue(getpid(), SIGRTMIN + k, (union sigval){.sival_int = i});
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < 100; i++) {
      siginfo_t information;
      CHECK_EQUAL(sigwaitinfo(&set, &information), SIGRTMIN + k);
      CHECK_EQUAL(information.si_value.sival_int, i);
    }
  return verdict();
}
