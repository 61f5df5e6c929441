// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency process
// guard: no
// build: -O1 -pthread
// A debugger starts its program: a vfork child asks to be traced, and is, while its maker waits for it.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { TURNS = 20 };
static volatile long shared;
static volatile int done;

static pid_t start(char *self) {
  char *arguments[] = {self, "traced", NULL};
  pid_t child = vfork();
  if (child == 0) {
    shared++;
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) _exit(1);
    shared++;
    execv(self, arguments);
    _exit(2);
  }
  return child;
}

static void debug(char *self) {
  int status;
  long before = shared;
  pid_t child = start(self);
  CHECK(child > 0);
  CHECK_EQUAL(shared, before + 2);
  CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
  CHECK(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL) == 0);
  struct user_regs_struct registers;
  CHECK(ptrace(PTRACE_GETREGS, child, 0, &registers) == 0);
  errno = 0;
  ptrace(PTRACE_PEEKTEXT, child, registers.rip, 0);
  CHECK_EQUAL(errno, 0);
  CHECK(ptrace(PTRACE_SINGLESTEP, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
  CHECK(ptrace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void *compute(void *argument) {
  while (!done) getppid();
  return argument;
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) return 7;
  for (int i = 0; i < TURNS; i++) debug(argv[0]);
  // The maker's other threads run on meanwhile.
  pthread_t thread;
  pthread_create(&thread, NULL, compute, NULL);
  for (int i = 0; i < TURNS; i++) {
    int status;
    pid_t child = start(argv[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_KILL, child, 0, 0) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  }
  done = 1;
  pthread_join(thread, NULL);
  return verdict();
}
