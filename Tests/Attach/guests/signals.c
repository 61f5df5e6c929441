// SPDX-License-Identifier: GPL-3.0-only
// Takes signals all the time: a timer's, and queued ones with data from a second thread. None may be
// lost, come twice or change.
#include "attach.h"

static volatile uint64_t ticks;
static uint64_t received, sum;
static _Atomic int stopping;
static pthread_t main_thread;
static uint64_t sent, sent_sum;

static void tick(int signal, siginfo_t *info, void *context) {
  (void)context;
  CHECK(signal == SIGALRM && info->si_code == SI_TIMER && info->si_value.sival_int == 4711);
  ticks++;
}

static void queued(int signal, siginfo_t *info, void *context) {
  (void)context;
  CHECK(signal == SIGRTMIN && info->si_code == SI_QUEUE && info->si_pid == getpid());
  CHECK((uint64_t)info->si_value.sival_int == received);
  received++;
  sum += (uint64_t)info->si_value.sival_int;
}

static void *send(void *argument) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  while (!atomic_load(&stopping)) {
    union sigval value = {.sival_int = (int)sent};
    if (pthread_sigqueue(main_thread, SIGRTMIN, value) == 0) {
      sent_sum += sent;
      sent++;
    }
    usleep(500);
  }
  return argument;
}

__attribute__((noinline)) uint64_t mix(uint64_t value) { return value * 31 + (value >> 7); }

int main(int argc, char **argv) {
  begin(argc, argv);
  main_thread = pthread_self();
  struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  action.sa_sigaction = queued;
  CHECK(sigaction(SIGRTMIN, &action, NULL) == 0);
  timer_t timer;
  struct sigevent event = {
      .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = 4711};
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec often = {{0, 1000000}, {0, 1000000}};
  CHECK(timer_settime(timer, 0, &often, NULL) == 0);
  pthread_t sender;
  CHECK(pthread_create(&sender, NULL, send, NULL) == 0);
  ready();
  uint64_t value = 1, rounds = 0;
  do {
    for (int i = 0; i < 1000; i++) value = mix(value);
    rounds += 1000;
    atomic_store(progress, ticks < received ? ticks : received);
  } while (!told_to_end());
  atomic_store(&stopping, 1);
  CHECK(pthread_join(sender, NULL) == 0);
  while (received < sent) usleep(100);
  CHECK(received == sent && sum == sent_sum);
  CHECK(timer_delete(timer) == 0);
  uint64_t again = 1;
  for (uint64_t i = 0; i < rounds; i++) again = mix(again);
  CHECK(again == value);
  succeed();
}
