// SPDX-License-Identifier: GPL-3.0-only
// Writes two places at once, again and again, while ignored signals come all the time.
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

enum { ROUNDS = 200 };

long place[2] __attribute__((aligned(16)));
int rounds = ROUNDS;

int main(void) {
  struct itimerval interval = {{0, 150}, {0, 150}};
  signal(SIGALRM, SIG_IGN);
  setitimer(ITIMER_REAL, &interval, NULL);
  for (int round = 0; round < ROUNDS; round++)
    __asm__ volatile("before: movups %%xmm0, %0" : "=m"(place));
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  printf("wrong: 0\n");
  return 0;
}
