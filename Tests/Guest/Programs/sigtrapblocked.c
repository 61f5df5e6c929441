// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// relocate: 20
// build: -O1
// With every signal blocked the program goes over much new code, faults nowhere, and finds its
// handlers and its mask as they were: nothing below it may have used a trap of its own.
#include "check.h"
#include <signal.h>

static int traps;
static void handler(int number) {
  (void)number;
  traps++;
}

static int byByte(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }

int main(void) {
  static const int all[] = {SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGSYS, SIGUSR1, SIGSTKFLT};
  sigset_t everything, now;
  for (unsigned i = 0; i < 8; i++) signal(all[i], handler);
  sigfillset(&everything);
  sigprocmask(SIG_BLOCK, &everything, NULL);
  double sum = 0;
  char text[100];
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof text, "%d %x %5.3f %s", i, i, i / 3.0, "text");
    sum += strtod(strchr(text, '.') - 1, NULL);
    char *copy = strdup(text);
    qsort(copy, strlen(copy), 1, byByte);
    free(copy);
  }
  printf("%.3f\n", sum);
  sigprocmask(0, NULL, &now);
  struct sigaction action;
  for (unsigned i = 0; i < 8; i++) {
    CHECK(sigismember(&now, all[i]));
    CHECK(sigaction(all[i], NULL, &action) == 0 && action.sa_handler == handler);
  }
  raise(SIGTRAP);
  CHECK_EQUAL(traps, 0);
  sigprocmask(SIG_UNBLOCK, &everything, NULL);
  CHECK_EQUAL(traps, 1);
  return verdict();
}
