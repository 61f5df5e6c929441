// SPDX-License-Identifier: GPL-3.0-only
// System calls of all kinds: their number in the code and not, seen by a translator and not, ended by a
// signal, with and without a handler that restarts them; from as many threads as it is told.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int handled;

static int ends[2];

static void handle(int signal) {
  handled += signal;
  if (write(ends[1], "x", 1) != 1) _exit(3);
}

static long known(void) {
  long result;
  __asm__ volatile("mov $110, %%eax\n\tsyscall" : "=a"(result) : : "rcx", "r11", "memory");
  return result;
}

static long unknown(volatile long number) {
  long result = number;
  __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
  return result;
}

static void ended(int flags) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
  struct itimerval timer = {.it_value.tv_usec = 100000};
  sigaction(SIGALRM, &action, 0);
  if (pipe(ends) != 0) exit(2);
  setitimer(ITIMER_REAL, &timer, 0);
  char byte = 0;
  long count = read(ends[0], &byte, 1);
  printf("read: %ld %d\n", count, count < 0 && errno == EINTR);
  close(ends[0]);
  close(ends[1]);
}

static void *work(void *unused) {
  for (int i = 0; i < 8; i++) {
    known();
    unknown(SYS_getppid);
  }
  return unused;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  printf("%d\n", known() == unknown(SYS_getppid));
  void *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(memory, 4096);
  prctl(PR_SET_DUMPABLE, 1);
  unknown(1000);
  ended(0);
  ended(SA_RESTART);
  pthread_t all[64];
  for (int i = 0; i < threads - 1; i++) pthread_create(&all[i], 0, work, 0);
  work(0);
  for (int i = 0; i < threads - 1; i++) pthread_join(all[i], 0);
  printf("%d\n", handled);
  return 0;
}
