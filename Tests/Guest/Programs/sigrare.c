// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// limit: 60
// A flood of queued signals over instructions that xv carries out itself: none of them is lost.
#include "check.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { SIGNALS = 3000 };
/// Shared with the sender.
static volatile int *count;
static volatile uint64_t sum;

static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  ++*count;
  sum += (uint64_t)info->si_value.sival_int;
}

/// A far return to the next instruction.
static inline uint64_t far_return(uint64_t value) {
  __asm__ volatile("sub $128, %%rsp\n mov %%cs, %%ecx\n push %%rcx\n lea 1f(%%rip), %%rcx\n push %%rcx\n"
                   "lretq\n1: add $128, %%rsp\n add $1, %0"
                   : "+r"(value) : : "rcx", "memory", "cc");
  return value;
}

/// Each signal comes when the one before has been handled, so that they meet all places.
static void send(pid_t to) {
  for (int i = 1; i <= SIGNALS; i++) {
    while (sigqueue(to, SIGRTMIN, (union sigval){.sival_int = i}) < 0 && errno == EAGAIN) sched_yield();
    for (time_t start = time(NULL); *count < i; sched_yield())
      if (time(NULL) > start + 5) return;  // Lost.
  }
}

int main(void) {
  count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &action, NULL);
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    send(parent);
    _exit(0);
  }
  uint64_t value = 0, rounds = 0;
  int status = -1;
  while (waitpid(child, &status, WNOHANG) == 0) {
    for (int i = 0; i < 20; i++, rounds++) value = far_return(value);
  }
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(value, rounds);
  CHECK_EQUAL(*count, SIGNALS);
  CHECK_EQUAL(sum, (uint64_t)SIGNALS * (SIGNALS + 1) / 2);
  return verdict();
}
