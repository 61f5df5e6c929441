// SPDX-License-Identifier: GPL-3.0-only
// A handler that says what it was told.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void handle(int number, siginfo_t *info, void *context) {
  (void)context;
  printf("%d: code %d, value %d\n", number, info->si_code, info->si_value.sival_int);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  union sigval value = {.sival_int = 1234};
  sigqueue(getpid(), SIGUSR1, value);
  sigqueue(getpid(), SIGUSR1, value);
  return 0;
}
