// SPDX-License-Identifier: GPL-3.0-only
// A handler reached by raise, one reached by a fault, and a signal that nobody handles.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static volatile int handled;
static char *page;

static void inner(int number) {
  handled += number;
}

static void on_user(int number) {
  inner(number);
}

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)context;
  inner(number);
  mprotect(info->si_addr, 4096, PROT_READ | PROT_WRITE);
}

static void store(char *to) {
  *to = 7;
}

int main(void) {
  signal(SIGUSR1, on_user);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  raise(SIGUSR1);
  store(page);
  raise(SIGURG);
  printf("handled %d, stored %d\n", handled, *page);
  fflush(stdout);
  raise(SIGUSR2);
  printf("not reached unless the debugger drops the signal\n");
  return 0;
}
