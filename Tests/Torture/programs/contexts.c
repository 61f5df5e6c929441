// SPDX-License-Identifier: GPL-3.0-only
// Coroutines that a timer's handler switches, on an alternate stack and on the interrupted one: swapcontext out of a handler
// and back into its middle, setcontext out of one for good.
#include "check.h"
#include <pthread.h>
#include <sys/time.h>
#include <ucontext.h>

enum { FIBERS = 6, STACK = 65536 * 2 };

static ucontext_t fibers[FIBERS], mainContext;
static volatile int current = -1, ended;
static volatile long switches;
static uint64_t results[FIBERS];

static uint64_t compute(uint64_t seed, int rounds) {
  double x = (double)seed;
  for (int i = 0; i < rounds; i++) {
    seed = mix(seed, (uint64_t)i);
    x = x * 0.75 + (double)(seed & 255);
  }
  return seed ^ (uint64_t)x;
}

static void preempt(int number) {
  (void)number;
  if (current < 0) return;
  int from = current, to = from;
  do to = (to + 1) % FIBERS;
  while (to != from && (ended >> to & 1));
  if (to == from) return;
  current = to;
  switches++;
  swapcontext(&fibers[from], &fibers[to]);
}

static void fiber(int number) {
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &alarm, NULL);
  results[number] = compute((uint64_t)number, 400000);
  // No switch between these.
  sigprocmask(SIG_BLOCK, &alarm, NULL);
  ended |= 1 << number;
  for (int i = 0; i < FIBERS; i++)
    if (!(ended >> i & 1)) {
      current = i;
      setcontext(&fibers[i]);
    }
  current = -1;
  setcontext(&mainContext);
}

// Out of a handler on the alternate stack, again and again.
static ucontext_t outside;
static volatile int leftHandlers;
static void leave(int number, siginfo_t *information, void *data) {
  (void)number, (void)information, (void)data;
  leftHandlers++;
  setcontext(&outside);
}

int main(void) {
  struct sigaction action = {.sa_handler = preempt, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  // No switch while the code of one context is on its way into another that has not begun: it would be kept as that one.
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarm, NULL);
  for (int i = 0; i < FIBERS; i++) {
    getcontext(&fibers[i]);
    fibers[i].uc_stack.ss_sp = malloc(STACK);
    fibers[i].uc_stack.ss_size = STACK;
    fibers[i].uc_link = NULL;
    makecontext(&fibers[i], (void (*)(void))fiber, 1, i);
  }
  struct itimerval often = {{0, 1000}, {0, 1000}}, none = {0};
  volatile int isBack = 0;
  getcontext(&mainContext);
  if (!isBack) {
    isBack = 1;
    setitimer(ITIMER_REAL, &often, NULL);
    current = 0;
    setcontext(&fibers[0]);
  }
  setitimer(ITIMER_REAL, &none, NULL);
  CHECK_EQUAL(ended, (1 << FIBERS) - 1);
  for (int i = 0; i < FIBERS; i++) CHECK_EQUAL(results[i], compute((uint64_t)i, 400000));
  CHECK(switches > 3);

  stack_t stack = {.ss_sp = malloc(STACK), .ss_size = STACK};
  sigaltstack(&stack, NULL);
  struct sigaction away = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &away, NULL);
  sigaction(SIGUSR1, &away, NULL);
  for (volatile int round = 0; round < 300; round++) {
    volatile int wasHere = 0;
    getcontext(&outside);
    if (wasHere++) continue;
    if (round % 2) *(volatile int *)8 = 1;
    else raise(SIGUSR1);
  }
  CHECK_EQUAL(leftHandlers, 300);
  return verdict();
}
