// SPDX-License-Identifier: GPL-3.0-only
// Writes two places at once, again and again, while an ignored signal comes at another moment of each round. One a round: a
// timer that goes on by itself would be due again at each stop that takes longer than its interval, and no instruction would
// ever be made.
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

enum { ROUNDS = 1500, LONGEST = 1500 };

long place[2] __attribute__((aligned(16)));
int rounds = ROUNDS;

int main(void) {
  signal(SIGALRM, SIG_IGN);
  for (int round = 0; round < ROUNDS; round++) {
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 1 + round * 37 % LONGEST}, NULL);
    __asm__ volatile("before: movups %%xmm0, %0" : "=m"(place));
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  printf("wrong: 0\n");
  return 0;
}
