// SPDX-License-Identifier: GPL-3.0-only
// Counts, with an open file, a pipe to itself, a handler on its own stack, a timer and 8 MiB.
//
// usage: files FILE: it says "half" after a quarter, and ends when there is a file "go".
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { rounds = 400, size = 8 << 20 };
static volatile sig_atomic_t on_own_stack, ticks;
static char *stack;

static void handler(int number) {
  char here;
  if (number == SIGUSR1) on_own_stack += &here >= stack && &here < stack + 65536;
  if (number == SIGALRM) ticks = 1;
}

int main(int argc, char **argv) {
  int ends[2];
  FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;
  if (!out || pipe(ends)) return 1;
  stack = malloc(65536);
  stack_t own = {.ss_sp = stack, .ss_size = 65536};
  sigaltstack(&own, NULL);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  struct itimerspec time = {.it_value = {.tv_nsec = 300000000}, .it_interval = {.tv_nsec = 300000000}};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &time, NULL)) return 1;
  if (write(ends[1], "kept", 4) != 4) return 1;
  // Waits for its delivery.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  raise(SIGUSR1);
  unsigned char *memory = malloc(size);
  for (int i = 0; i < size; i++) memory[i] = i * 7;
  unsigned sum = 0;
  for (int i = 0; i < rounds; i++) {
    for (int k = 0; k < size; k += 4096) sum = sum * 31 + memory[k]++ + i;
    fprintf(out, "%d %u\n", i, sum);
    if (i == rounds / 4) {
      puts("half");
      fflush(stdout);
      ticks = 0;
    }
    while (i == rounds / 2 && access("go", F_OK)) {
      struct timespec pause = {.tv_nsec = 1000000};
      while (nanosleep(&pause, &pause)) {}
    }
  }
  while (!ticks) pause();
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  char word[5] = {0};
  if (read(ends[0], word, 4) != 4) return 1;
  fprintf(out, "%s %d\n", word, on_own_stack);
  fclose(out);
  printf("%u\n", sum);
  return 3;
}
