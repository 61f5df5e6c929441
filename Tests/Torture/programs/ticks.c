// SPDX-License-Identifier: GPL-3.0-only
// Timers at 10 kHz: to the process, to a thread, by setitimer, all at once; ticks and overruns add up to the time that has
// passed, and what the program computes meanwhile is right.
#include "check.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static volatile long ticks, overruns, threadTicks, alarms;
static timer_t timer, threadTimer;

static void tick(int number, siginfo_t *information, void *context) {
  (void)number, (void)context;
  ticks++;
  overruns += information->si_overrun;
}
static void threadTick(int number) {
  (void)number;
  threadTicks++;
}
static void alarmed(int number) {
  (void)number;
  alarms++;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t compute(int rounds) {
  uint64_t hash = MIX_SEED;
  double x = 1;
  char text[64];
  for (int i = 0; i < rounds; i++) {
    hash = mix(hash, (uint64_t)i);
    x = x * 1.0000001 + 0.5 / (i + 1);
    if (i % 64 == 0) hash ^= (uint64_t)snprintf(text, sizeof text, "%d %.9f", i, x) + (uint64_t)text[3];
  }
  return hash;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGRTMIN, &action, NULL);
  signal(SIGRTMIN + 1, threadTick);
  signal(SIGALRM, alarmed);
  uint64_t quiet = compute(20000);

  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  struct sigevent toThread = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1};
  toThread._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &toThread, &threadTimer), 0);
  struct itimerspec often = {{0, 100000}, {0, 100000}}, lessOften = {{0, 1000000}, {0, 1000000}}, off = {0};
  struct itimerval real = {{0, 2000}, {0, 2000}}, none = {0};

  double begin = now();
  timer_settime(timer, 0, &often, NULL);
  timer_settime(threadTimer, 0, &lessOften, NULL);
  setitimer(ITIMER_REAL, &real, NULL);
  int same = 1;
  while (now() - begin < 1) same &= compute(20000) == quiet;
  timer_settime(timer, 0, &off, NULL);
  timer_settime(threadTimer, 0, &off, NULL);
  setitimer(ITIMER_REAL, &none, NULL);
  double passed = now() - begin, expected = passed * 10000, counted = (double)(ticks + overruns);
  CHECK(same);
  CHECK(ticks > 100);
  CHECK(counted > expected * 0.9 - 10 && counted < expected * 1.05 + 10);
  CHECK(threadTicks > 10);
  CHECK(alarms > 5);
  return verdict();
}
