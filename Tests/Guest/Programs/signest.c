// SPDX-License-Identifier: GPL-3.0-only
// groups: signal process
// flush: 4
// build: -O1
// build static: -O1 -static
// Handlers that interrupt handlers while they return and while their own system calls end: every
// frame leads back to where it was made, and no call is made twice.
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { wantedTicks = 400, children = 60 };
static volatile int ticks, depth, strange, armed, nests = 1;

/// One signal at a time: a timer that goes on would outrun a slow handler and fill the stack.
static void soon(void) {
  static long delay = 20;
  delay = delay % 400 + 17;
  armed = 1;
  struct itimerval once = {.it_value.tv_usec = delay};
  setitimer(ITIMER_REAL, &once, NULL);
}

static void handler(int number, siginfo_t *info, void *context) {
  uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  (void)info;
  ticks++;
  armed = 0;
  depth++;
  if (depth < 4) {
    struct sigaction now;
    if (nests) soon();
    if (sigaction(number, NULL, &now) || now.sa_sigaction != handler) strange++;
  }
  if ((uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] != rip) strange++;
  depth--;
}

static uint64_t compute(uint64_t from) {
  uint64_t hash = MIX_SEED;
  for (uint64_t i = 0; i < 2000; i++) hash = mix(hash, from + i);
  return hash;
}

int main(void) {
  uint64_t quiet = compute(1);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  while (ticks < wantedTicks) {
    if (!armed) soon();
    CHECK_EQUAL(compute(1), quiet);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
    CHECK_EQUAL(munmap(page, 4096), 0);
  }
  // A pending signal makes fork begin again, so these come one by one.
  struct itimerval each = {{0, 600}, {0, 600}}, none = {{0, 0}, {0, 0}};
  nests = 0;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &each, NULL);
  int ended = 0, status;
  for (int i = 0; i < children; i++) {
    pid_t child = fork();
    if (!child) _exit(0);
    CHECK(child > 0);
  }
  setitimer(ITIMER_REAL, &none, NULL);
  while (wait(&status) > 0) ended++;
  CHECK_EQUAL(errno, ECHILD);
  CHECK_EQUAL(ended, children);
  CHECK_EQUAL(strange, 0);
  CHECK_EQUAL(depth, 0);
  printf("%s\n", checksFailed ? "bad" : "good");
  return checksFailed != 0;
}
