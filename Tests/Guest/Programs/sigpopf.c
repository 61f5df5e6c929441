// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// relocate: 12
// build: -O1
// Timer signals into a loop of popf and little else: no trap flag appears in a frame.
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int ticks, traps, flagged;

static void handler(int number, siginfo_t *info, void *context) {
  (void)info;
  traps += number == SIGTRAP;
  ticks += number == SIGALRM;
  flagged += (((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] & 0x100) != 0;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGTRAP, &action, NULL);
  struct itimerval each = {{0, 500}, {0, 500}}, none = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &each, NULL);
  while (ticks < 200)
    for (int i = 0; i < 1000; i++) __asm__ volatile("sub $128, %%rsp; pushf; popf; add $128, %%rsp" ::: "memory", "cc");
  setitimer(ITIMER_REAL, &none, NULL);
  CHECK_EQUAL(traps, 0);
  CHECK_EQUAL(flagged, 0);
  return verdict();
}
