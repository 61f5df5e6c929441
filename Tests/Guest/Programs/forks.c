// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1
// build static: -O1 -static
// limit: 40
// fork, vfork, posix_spawn, system, popen, execve, waits, orphans' exit statuses: children compute,
// die by signals, become other programs, and their parents learn it rightly.
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern char **environ;

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int ending(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

static void forks(void) {
  for (int i = 0; i < 10; i++) {
    pid_t child = fork();
    if (!child) _exit(fib(10 + i) & 127);
    int status = ending(child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (int)(fib(10 + i) & 127));
  }
  int dead = SIGKILL;
  pid_t child = fork();
  if (!child) {
    raise(dead);
    _exit(1);
  }
  int status = ending(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  child = fork();
  if (!child) {
    *(volatile int *)8 = 1;
    _exit(1);
  }
  status = ending(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  // Three generations, each handing its number on.
  child = fork();
  if (!child) {
    pid_t second = fork();
    if (!second) {
      pid_t third = fork();
      if (!third) _exit(3);
      _exit(WEXITSTATUS(ending(third)) + 10);
    }
    _exit(WEXITSTATUS(ending(second)) + 100);
  }
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 113);
  // Memory is copied, shared memory is shared, both processes run on.
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int own = 1;
  child = fork();
  for (int i = 0; i < 1000; i++) __atomic_fetch_add(&shared[0], 1, __ATOMIC_SEQ_CST);
  own += child == 0;
  if (!child) _exit(own);
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 2);
  CHECK(shared[0] == 2000 && own == 1);
  CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
}

static void stopped(void) {
  int ends[2];
  char byte = 5;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (!child) {
    raise(SIGSTOP);
    // It ends only when its being continued has been seen.
    _exit(read(ends[0], &byte, 1) == 1 ? byte : 1);
  }
  int status;
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  kill(child, SIGCONT);
  CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
  CHECK(write(ends[1], &byte, 1) == 1);
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 5);
  close(ends[0]);
  close(ends[1]);
}

static void programs(void) {
  char *echo[] = {"sh", "-c", "echo from $0 $#; exit 9", "shell", "a", "b", NULL};
  fflush(stdout);
  pid_t child = vfork();
  if (!child) {
    execv("/bin/sh", echo);
    _exit(1);
  }
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 9);
  child = vfork();
  if (!child) {
    execv("/nowhere/at/all", echo);
    _exit(44);
  }
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 44);
  CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, echo, environ) == 0);
  CHECK_EQUAL(WEXITSTATUS(ending(child)), 9);
  CHECK(posix_spawn(&child, "/nowhere", NULL, NULL, echo, environ) == ENOENT);
  CHECK_EQUAL(WEXITSTATUS(system("exit 3")), 3);
  CHECK_EQUAL(WEXITSTATUS(system("cat /proc/self/comm | (read a; test $a = cat)")), 0);
  FILE *pipe = popen("echo one; echo two", "r");
  char line[20];
  int lines = 0;
  while (pipe && fgets(line, sizeof line, pipe)) lines += strlen(line) == 4;
  CHECK(lines == 2 && pclose(pipe) == 0);
}

int main(void) {
  forks();
  stopped();
  programs();
  return verdict();
}
