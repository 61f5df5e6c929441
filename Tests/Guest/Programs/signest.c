// SPDX-License-Identifier: GPL-3.0-only
// groups: signal process
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

enum { wantedTicks = 400, children = 40 };
static volatile int ticks, depth, deepest, strange;

static void handler(int number, siginfo_t *info, void *context) {
  uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  (void)info;
  ticks++;
  depth++;
  if (depth > deepest) deepest = depth;
  if (depth < 4) {
    struct sigaction now;
    if (sigaction(number, NULL, &now) || !(now.sa_flags & SA_NODEFER)) strange++;
  }
  if (((uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]) != rip) strange++;
  depth--;
}

static uint64_t compute(uint64_t from) {
  uint64_t hash = MIX_SEED;
  for (uint64_t i = 0; i < 2000; i++) hash = mix(hash, from + i);
  return hash;
}

static void every(long microseconds) {
  struct itimerval each = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &each, NULL);
}

int main(void) {
  uint64_t quiet = compute(1);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  every(300);
  while (ticks < wantedTicks) {
    CHECK_EQUAL(compute(1), quiet);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
    CHECK_EQUAL(munmap(page, 4096), 0);
  }
  int ended = 0, status;
  for (int i = 0; i < children; i++) {
    pid_t child = fork();
    if (!child) _exit(0);
    CHECK(child > 0);
  }
  while (wait(&status) > 0) ended++;
  every(0);
  CHECK_EQUAL(errno, ECHILD);
  CHECK_EQUAL(ended, children);
  CHECK_EQUAL(strange, 0);
  CHECK_EQUAL(depth, 0);
  printf("%s\n", checksFailed ? "bad" : "good");
  return checksFailed != 0;
}
