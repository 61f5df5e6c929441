// SPDX-License-Identifier: GPL-3.0-only
// A hundred and fifty signals, one every millisecond, whose handler counts, while lines are stepped over.
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static volatile sig_atomic_t alarms;
static volatile long value;

// The last one ends them: on a busy machine they might come faster than a debugger can step.
static void count(int signal) {
  (void)signal;
  if (++alarms == 150)
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static long next_value(long before) {
  return before * 3 + 1;
}

int main(void) {
  struct itimerval interval = {{0, 1000}, {0, 1000}};
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = count, .sa_flags = SA_RESTART}, NULL);
  setitimer(ITIMER_REAL, &interval, NULL);
  while (value < 1L << 60) {
    long last = value;
    long new = next_value(last);
    value = new > last ? new : last;
    value |= 1;
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  printf("%s, %ld\n", alarms > 0 ? "alarms" : "no alarm", value);
  return 0;
}
