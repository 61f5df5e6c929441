// SPDX-License-Identifier: GPL-3.0-only
// groups: signal syscall
// build: -O1
// System calls interrupted by signals: what the frame shows of a call that will restart and of one
// that ended with EINTR; calls stopped and continued; calls that take a mask.
#include "check.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile uint64_t rip, rax, rdi;
static volatile int count, pipeEnd = -1;
int64_t rawRead(int file, void *buffer, uint64_t size);
extern char readCall[], readBehind[];
__asm__("rawRead: xor %eax, %eax\nreadCall: syscall\nreadBehind: ret\n");

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number, (void)info;
  rip = (uint64_t)u->uc_mcontext.gregs[REG_RIP];
  rax = (uint64_t)u->uc_mcontext.gregs[REG_RAX];
  rdi = (uint64_t)u->uc_mcontext.gregs[REG_RDI];
  count++;
  if (pipeEnd >= 0 && write(pipeEnd, "w", 1) != 1) _exit(3);
}

static void alarmIn(long microseconds) {
  struct itimerval soon = {.it_value.tv_usec = microseconds};
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void ended(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void frames(void) {
  int ends[2];
  char byte;
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  CHECK(pipe(ends) == 0);
  for (int i = 0; i < 5; i++) {
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGALRM, &action, NULL);
    pid_t child = signal_in_call(SYS_read, SIGALRM);
    CHECK_EQUAL(rawRead(ends[0], &byte, 1), -EINTR);
    ended(child);
    CHECK(rip == (uint64_t)readBehind && rax == (uint64_t)-EINTR && rdi == (uint64_t)ends[0]);
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    pipeEnd = ends[1];  // The handler writes what the restarted call then reads.
    child = signal_in_call(SYS_read, SIGALRM);
    CHECK_EQUAL(rawRead(ends[0], &byte, 1), 1);
    CHECK(rip == (uint64_t)readCall && rax == SYS_read && rdi == (uint64_t)ends[0] && byte == 'w');
    pipeEnd = -1;
    ended(child);
  }
  CHECK_EQUAL(count, 10);
}

static void stopped(void) {
  struct timespec start, end, pause = {0, 300000000};
  pid_t self = getpid(), child = fork();
  if (!child) {
    for (int i = 0; i < 3; i++) {
      await_state(self, self, "S");
      kill(self, SIGSTOP);
      await_state(self, self, "Tt");
      kill(self, SIGCONT);
    }
    _exit(0);
  }
  clock_gettime(CLOCK_MONOTONIC, &start);
  CHECK(nanosleep(&pause, NULL) == 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  int64_t slept = (end.tv_sec - start.tv_sec) * 1000000000ll + end.tv_nsec - start.tv_nsec;
  CHECK(slept >= 300000000);
  ended(child);
}

static void masked(void) {
  sigset_t blocked, none, pending;
  struct timespec wait = {5, 0};
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  count = 0;
  alarmIn(1000);
  do sigpending(&pending);
  while (!sigismember(&pending, SIGALRM));
  CHECK_EQUAL(count, 0);
  CHECK(ppoll(NULL, 0, &wait, &none) == -1 && errno == EINTR && count == 1);
  alarmIn(1000);
  CHECK(pselect(0, NULL, NULL, NULL, &wait, &none) == -1 && errno == EINTR && count == 2);
  sigset_t now;
  sigprocmask(0, NULL, &now);
  CHECK(sigismember(&now, SIGALRM));
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

int main(void) {
  frames();
  stopped();
  masked();
  return verdict();
}
