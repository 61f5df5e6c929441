// SPDX-License-Identifier: GPL-3.0-only
// groups: signal process
// build: -O1
// SIGCHLD for fifty children while the parent computes; each is reaped in the handler, none is lost.
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static volatile int reaped, sum, codes;

static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  int saved = errno, status;
  codes += info->si_code == CLD_EXITED || info->si_code == CLD_KILLED;
  while (waitpid(-1, &status, WNOHANG) > 0) {
    reaped++;
    sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  }
  errno = saved;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  int expected = 0;
  for (int i = 0; i < 50; i++) {
    pid_t child = fork();
    if (!child) {
      if (i % 10 == 9) kill(getpid(), SIGKILL);
      _exit(i);
    }
    expected += i % 10 == 9 ? 1000 : i;
    uint64_t hash = MIX_SEED;
    for (uint64_t k = 0; k < 3000; k++) hash = mix(hash, k);
    if (!hash) return 1;
  }
  while (reaped < 50) usleep(1000);
  CHECK(codes > 0);
  CHECK_EQUAL(sum, expected);
  CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
  // Ignored: children leave no zombie.
  signal(SIGCHLD, SIG_IGN);
  if (!fork()) _exit(0);
  CHECK(wait(NULL) == -1 && errno == ECHILD);
  return verdict();
}
