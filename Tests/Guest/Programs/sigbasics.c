// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// build static: -O1 -static
// Dispositions, masks, nesting, alternate stacks, restarted and interrupted calls, queued data.
#include "check.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static volatile int depth, deepest, order[64], orders;
static volatile uint64_t stackSeen;
static char alternate[65536];

static void nest(int number) {
  if (++depth > deepest) deepest = depth;
  order[orders++] = number;
  if (number == SIGUSR1) raise(SIGUSR2);
  order[orders++] = -number;
  depth--;
}
static void onStack(int number) {
  char here;
  (void)number;
  stackSeen = (uint64_t)&here;
}
/// Seen by children, too.
static volatile int *alarms;
static void count(int number) {
  (void)number;
  ++*alarms;
}
static int values[8], gotValues, senders;
static void queued(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  values[gotValues++] = info->si_value.sival_int;
  senders += info->si_pid == getpid() && info->si_code == SI_QUEUE;
}

static void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  CHECK(sigaction(number, &action, NULL) == 0);
}

static void nesting(void) {
  handle(SIGUSR1, nest, 0);
  handle(SIGUSR2, nest, 0);
  raise(SIGUSR1);
  CHECK(deepest == 2 && orders == 4);
  CHECK(order[0] == SIGUSR1 && order[1] == SIGUSR2 && order[2] == -SIGUSR2 && order[3] == -SIGUSR1);
  // With SIGUSR2 masked in the handler it comes after.
  struct sigaction action = {.sa_handler = nest};
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, NULL);
  orders = deepest = 0;
  raise(SIGUSR1);
  CHECK(deepest == 1 && order[1] == -SIGUSR1 && order[2] == SIGUSR2);
  sigset_t both, pending, old;
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  sigprocmask(SIG_BLOCK, &both, &old);
  orders = 0;
  raise(SIGUSR2);
  raise(SIGUSR2);
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGUSR2) == 1 && !sigismember(&pending, SIGUSR1) && orders == 0);
  sigprocmask(SIG_SETMASK, &old, NULL);
  CHECK_EQUAL(orders, 2);
  // Once only, and not blocked in its own handler.
  handle(SIGUSR2, nest, SA_RESETHAND | SA_NODEFER);
  raise(SIGUSR2);
  sigaction(SIGUSR2, NULL, &action);
  CHECK(action.sa_handler == SIG_DFL);
  signal(SIGUSR2, SIG_IGN);
  raise(SIGUSR2);
}

static void stacks(void) {
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, old;
  CHECK(sigaltstack(&stack, NULL) == 0);
  handle(SIGUSR1, onStack, SA_ONSTACK);
  raise(SIGUSR1);
  CHECK(stackSeen > (uint64_t)alternate && stackSeen < (uint64_t)alternate + sizeof alternate);
  CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == alternate && old.ss_flags == 0);
  handle(SIGUSR1, onStack, 0);
  raise(SIGUSR1);
  CHECK(stackSeen < (uint64_t)alternate || stackSeen > (uint64_t)alternate + sizeof alternate);
}

static void timer(long microseconds) {
  struct itimerval soon = {.it_value.tv_usec = microseconds};
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void ended(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void interrupted(void) {
  int ends[2];
  char byte = 0;
  CHECK(pipe(ends) == 0);
  alarms = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  handle(SIGALRM, count, 0);
  pid_t child = signal_in_call(SYS_read, SIGALRM);
  CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR && *alarms == 1);
  ended(child);
  // Restarted: a child writes after the signal was handled.
  handle(SIGALRM, count, SA_RESTART);
  pid_t self = getpid();
  child = fork();
  if (!child) {
    await_call(self, SYS_read);
    kill(self, SIGALRM);
    while (*alarms < 2) usleep(100);
    _exit(write(ends[1], "r", 1) != 1);
  }
  CHECK(read(ends[0], &byte, 1) == 1 && byte == 'r' && *alarms == 2);
  ended(child);
  struct timespec pause = {50, 0}, rest = {0, 0};
  child = signal_in_call(SYS_clock_nanosleep, SIGALRM);
  CHECK(nanosleep(&pause, &rest) == -1 && errno == EINTR && rest.tv_sec > 30 && *alarms == 3);
  ended(child);
  sigset_t blocked, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  timer(1000);
  CHECK(sigsuspend(&none) == -1 && errno == EINTR && *alarms == 4);
  timer(1000);
  siginfo_t info;
  CHECK(sigwaitinfo(&blocked, &info) == SIGALRM && info.si_code == SI_KERNEL && *alarms == 4);
  struct timespec shortly = {0, 1000000};
  CHECK(sigtimedwait(&blocked, NULL, &shortly) == -1 && errno == EAGAIN);
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void queues(void) {
  struct sigaction action = {.sa_sigaction = queued, .sa_flags = SA_SIGINFO};
  sigset_t set, old;
  sigaction(SIGRTMIN + 3, &action, NULL);
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < 5; i++)
    CHECK(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 100 + i}) == 0);
  CHECK(gotValues == 0);
  sigprocmask(SIG_SETMASK, &old, NULL);
  CHECK(gotValues == 5 && senders == 5);
  for (int i = 0; i < 5; i++) CHECK_EQUAL(values[i], 100 + i);
}

int main(void) {
  nesting();
  stacks();
  interrupted();
  queues();
  return verdict();
}
