// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1
// Two processes in one memory (CLONE_VM): the one that made the other ends, or calls another program, and the
// other goes on in what both had.
#include "check.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { STACK = 65536 };
static int go[2], told[2];

static int ended(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, __WALL) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static volatile int caught;
static void handler(int number) { caught = number; }

/// What it does after its maker has left is code that has not run before.
static int sharer(void *argument) {
  (void)argument;
  char byte;
  if (read(go[0], &byte, 1) != 1) _exit(1);
  signal(SIGUSR1, handler);
  kill(getpid(), SIGUSR1);
  if (caught != SIGUSR1 || fib(12) != 144) _exit(2);
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[0] = 9;
  // A process of its own.
  pid_t child = fork();
  if (child == 0) _exit((int)fib(page[0]));
  int status;
  if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 34) _exit(3);
  if (write(told[1], "x", 1) != 1) _exit(4);
  _exit(page[0]);
}

static pid_t share(void) {
  static char stack[STACK] __attribute__((aligned(64)));
  return clone(sharer, stack + STACK, CLONE_VM | SIGCHLD, NULL);
}

static void makePipes(void) { CHECK(pipe(go) == 0 && pipe(told) == 0); }

/// The program that a maker calls: it lets the other go on and waits for it.
static int called(char **arguments) {
  pid_t other = atoi(arguments[4]);
  int status;
  char byte;
  if (write(atoi(arguments[2]), "g", 1) != 1 || read(atoi(arguments[3]), &byte, 1) != 1) return 10;
  if (waitpid(other, &status, 0) != other) return 11;
  return WIFEXITED(status) ? 20 + WEXITSTATUS(status) : 12;
}

int main(int argc, char **argv) {
  if (argc > 1) return called(argv);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int turn = 0; turn < 5; turn++) {
    // It calls another program.
    makePipes();
    pid_t maker = fork();
    if (maker == 0) {
      char words[3][20];
      pid_t other = share();
      snprintf(words[0], 20, "%d", go[1]), snprintf(words[1], 20, "%d", told[0]), snprintf(words[2], 20, "%d", other);
      execl("/proc/self/exe", argv[0], "called", words[0], words[1], words[2], NULL);
      _exit(30);
    }
    CHECK_EQUAL(ended(maker), 29);
    // It ends.
    char byte;
    int who[2];
    CHECK(pipe(who) == 0);
    maker = fork();
    if (maker == 0) {
      pid_t other = share();
      _exit(write(who[1], &other, sizeof other) != sizeof other);
    }
    pid_t other = 0;
    CHECK(read(who[0], &other, sizeof other) == sizeof other);
    CHECK_EQUAL(ended(maker), 0);
    CHECK(write(go[1], "g", 1) == 1 && read(told[0], &byte, 1) == 1);
    CHECK_EQUAL(ended(other), 9);
    close(go[0]), close(go[1]), close(told[0]), close(told[1]), close(who[0]), close(who[1]);
  }
  return verdict();
}
