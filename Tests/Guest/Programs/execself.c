// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// status: 17
// build: -O1
// build static: -O1 -static
// build no-pie: -O1 -no-pie
// Becomes itself several times, with other arguments and environments; what is ignored stays
// ignored, handlers are gone, the mask stays, the pid stays.
#include "check.h"
#include <signal.h>
#include <unistd.h>

static void handler(int number) { (void)number; }

int main(int argc, char **argv) {
  char number[30], pid[30], *name = getenv("XV_TEST") ? "first" : "later";
  int turn = argc > 1 ? atoi(argv[1]) : 0;
  printf("turn %d, %d arguments, %s\n", turn, argc, name);
  if (turn) {
    struct sigaction action;
    sigset_t mask;
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
    CHECK(sigprocmask(0, NULL, &mask) == 0 && sigismember(&mask, SIGHUP));
    CHECK_EQUAL(atoi(argv[2]), getpid());
  }
  if (turn == 4) return verdict() ? 1 : 17;
  if (checksFailed) return verdict();
  signal(SIGUSR1, handler);
  signal(SIGUSR2, SIG_IGN);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGHUP);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  snprintf(number, sizeof number, "%d", turn + 1);
  snprintf(pid, sizeof pid, "%d", getpid());
  fflush(stdout);
  char *arguments[] = {argv[0], number, pid, NULL}, *empty[] = {NULL};
  if (turn % 2)
    execve("/proc/self/exe", arguments, empty);
  else
    execve(argv[0], arguments, empty);
  return 1;
}
