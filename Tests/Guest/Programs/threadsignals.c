// SPDX-License-Identifier: GPL-3.0-only
// groups: thread signal
// build: -O1 -pthread
// Signals sent to single threads and to the process, handled while the threads compute, lock and
// sleep; per-thread masks and alternate stacks; a thread that only waits for signals.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { threads = 8, signals = 200 };
static _Thread_local volatile int mine;
static volatile int stop, handled[threads], ready;
static _Thread_local int number;
static volatile uint64_t waited;

static void handler(int signal) {
  (void)signal;
  mine++;
  __atomic_store_n(&handled[number], mine, __ATOMIC_SEQ_CST);
}

static void *work(void *argument) {
  number = (int)(uint64_t)argument;
  char *stack = malloc(65536);
  stack_t alternate = {.ss_sp = stack, .ss_size = 65536};
  sigaltstack(&alternate, NULL);
  __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
  uint64_t hash = MIX_SEED, again = MIX_SEED;
  while (!stop) {
    hash = again = MIX_SEED;
    for (uint64_t i = 0; i < 500; i++) hash = mix(hash, i);
    for (uint64_t i = 0; i < 500; i++) again = mix(again, i);
    if (hash != again) break;
    free(malloc(hash & 1023));
    struct timespec little = {0, 1000};
    if (number % 2) nanosleep(&little, NULL);
  }
  alternate.ss_flags = SS_DISABLE;
  sigaltstack(&alternate, NULL);
  free(stack);
  return (void *)(uint64_t)(hash == again);
}

static void *wait(void *argument) {
  int got;
  for (int i = 0; i < 20; i++)
    if (sigwait(argument, &got) == 0 && got == SIGUSR2) __atomic_fetch_add(&waited, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  sigset_t waiting;
  sigemptyset(&waiting);
  sigaddset(&waiting, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &waiting, NULL);
  pthread_t all[threads], waiter;
  for (uint64_t i = 0; i < threads; i++) pthread_create(&all[i], NULL, work, (void *)i);
  pthread_create(&waiter, NULL, wait, &waiting);
  while (ready < threads) sched_yield();
  for (int s = 1; s <= signals; s++) {
    for (int i = 0; i < threads; i++) CHECK(pthread_kill(all[i], SIGUSR1) == 0);
    for (int i = 0; i < threads; i++)
      while (handled[i] < s) sched_yield();
  }
  for (uint64_t i = 1; i <= 20; i++) {
    kill(getpid(), SIGUSR2);
    while (waited < i) sched_yield();
  }
  stop = 1;
  for (int i = 0; i < threads; i++) {
    void *result;
    CHECK(pthread_join(all[i], &result) == 0 && result == (void *)1);
    CHECK_EQUAL(handled[i], signals);
  }
  CHECK(pthread_join(waiter, NULL) == 0);
  return verdict();
}
