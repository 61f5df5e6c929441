// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1 -pthread
// build static: -O1 -pthread -static
// limit: 60
// flush: 3
// Processes that processes make: from threads and from handlers, many at a time, killed at any moment,
// orphaned, with other programs, in other namespaces; what each learns of the others is as natively.
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FLAG_PARENT 0x8000
#define FLAG_NEWUSER 0x10000000
#define FLAG_NEWPID 0x20000000
#define FLAG_VFORK 0x4000
#define FLAG_VM 0x100

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int ending(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

static int exited(pid_t child) {
  int status = ending(child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void *forker(void *number) {
  long sum = 0;
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (!child) _exit(fib(8 + (long)number) & 63);
    sum += exited(child) == (int)(fib(8 + (long)number) & 63);
  }
  return (void *)sum;
}

// Each of several threads makes processes while the others do.
static void fromThreads(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, forker, (void *)i) == 0);
  for (int i = 0; i < 4; i++) {
    void *sum = NULL;
    pthread_join(threads[i], &sum);
    CHECK((long)sum == 5);
  }
}

static void *inside(void *argument) {
  *(int *)argument = fib(12);
  return NULL;
}

// A child of one thread makes threads of its own.
static void threadsInChild(void) {
  pid_t child = fork();
  if (!child) {
    pthread_t threads[3];
    int results[3];
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, inside, &results[i]);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    _exit(results[0] + results[1] + results[2] == 432 ? 4 : 5);
  }
  CHECK_EQUAL(exited(child), 4);
}

static volatile sig_atomic_t handled;
static void forkInHandler(int number) {
  pid_t child = fork();
  if (!child) {
    // The handler is the child's too, and it leaves it by a return.
    handled = 100 + number;
    return;
  }
  handled = exited(child);
}

static void fromHandler(void) {
  pid_t self = getpid();
  signal(SIGUSR1, forkInHandler);
  raise(SIGUSR1);
  if (getpid() != self) {
    signal(SIGUSR1, SIG_DFL);
    _exit(handled == 100 + SIGUSR1 ? 7 : 8);
  }
  CHECK_EQUAL(handled, 7);
}

static volatile sig_atomic_t counted;
static void count(int number) { counted += number; }

// Handlers, masks and ignored signals are inherited.
static void inherited(void) {
  sigset_t mask, old;
  signal(SIGUSR2, count);
  signal(SIGHUP, SIG_IGN);
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigprocmask(SIG_BLOCK, &mask, &old);
  pid_t child = fork();
  if (!child) {
    raise(SIGUSR2);
    raise(SIGHUP);
    raise(SIGTERM);
    sigset_t pending;
    sigpending(&pending);
    _exit(counted == SIGUSR2 && sigismember(&pending, SIGTERM) ? 9 : 1);
  }
  CHECK_EQUAL(exited(child), 9);
  sigprocmask(SIG_SETMASK, &old, NULL);
  signal(SIGHUP, SIG_DFL);
  CHECK_EQUAL(counted, 0);
}

// Many live at once; all are zombies before the first is waited for.
static void storm(void) {
  enum { many = 60 };
  pid_t children[many];
  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  for (int i = 0; i < many; i++)
    if (!(children[i] = fork())) {
      close(ends[1]);
      _exit(read(ends[0], &byte, 1) == 0 ? i : 255);
    }
  close(ends[0]);
  close(ends[1]);
  siginfo_t information;
  for (int i = 0; i < many; i++)
    CHECK(waitid(P_PID, children[i], &information, WEXITED | WNOWAIT) == 0 && information.si_status == i);
  for (int i = 0; i < many; i++) CHECK_EQUAL(exited(children[i]), i);
  int status;
  CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
}

// Killed at its birth, on its way, in its work.
static void killed(void) {
  for (int i = 0; i < 30; i++) {
    pid_t child = fork();
    if (!child) {
      for (;;) handled = fib(10);
    }
    for (unsigned j = 0; j < (unsigned)i * i; j++) handled = fib(5);
    kill(child, SIGKILL);
    CHECK_EQUAL(exited(child), -SIGKILL);
  }
}

// An orphan's new parent is the nearest that asked to be it, and reaps it.
static void orphans(void) {
  int ends[2];
  pid_t grandchild = 0;
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && pipe(ends) == 0);
  pid_t child = fork();
  if (!child) {
    pid_t own = getpid();
    grandchild = fork();
    if (!grandchild) {
      while (getppid() == own) sched_yield();
      _exit(setsid() == getpid() ? 11 : 12);
    }
    _exit(write(ends[1], &grandchild, sizeof grandchild) == sizeof grandchild ? 0 : 1);
  }
  CHECK_EQUAL(exited(child), 0);
  CHECK(read(ends[0], &grandchild, sizeof grandchild) == sizeof grandchild);
  CHECK_EQUAL(exited(grandchild), 11);
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0);
  close(ends[0]);
  close(ends[1]);
}

static void *execute(void *arguments) {
  char **words = arguments;
  execv(words[0], words);
  return NULL;
}

// A thread of a child that is not its first becomes another program; a file that is none fails.
static void programs(void) {
  char *shell[] = {"/bin/sh", "-c", "exit 13", NULL};
  char *nothing[] = {"/nowhere", NULL};
  pid_t child = fork();
  if (!child) {
    pthread_t thread;
    pthread_create(&thread, NULL, execute, nothing);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, execute, shell);
    pthread_join(thread, NULL);
    _exit(1);
  }
  CHECK_EQUAL(exited(child), 13);
}

static long make(unsigned long flags) { return syscall(SYS_clone, flags, 0, 0, 0, 0); }

// clone by hand: a sibling, memory that is copied while the maker waits, handlers that are cleared.
static void clones(void) {
  pid_t child = fork();
  if (!child) {
    // A process whose parent is its maker's parent.
    pid_t parent = getppid(), sibling = make(FLAG_PARENT | SIGCHLD);
    if (!sibling) _exit(getppid() == parent ? 14 : 15);
    _exit(waitpid(sibling, NULL, 0) == -1 && errno == ECHILD ? 16 : 17);
  }
  int status, sum = 0;
  for (int i = 0; i < 2; i++) {
    CHECK(wait(&status) > 0);
    sum += WEXITSTATUS(status);
  }
  CHECK_EQUAL(sum, 30);
  volatile int own = 1;
  child = make(FLAG_VFORK | SIGCHLD);
  if (!child) {
    own = 2;
    _exit(18);
  }
  CHECK(own == 1);
  CHECK_EQUAL(exited(child), 18);
  struct clone_args arguments = {.flags = 0x100000000ull /* CLONE_CLEAR_SIGHAND */, .exit_signal = SIGCHLD};
  signal(SIGUSR2, count);
  child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (!child) {
    raise(SIGUSR2);
    _exit(1);
  }
  CHECK_EQUAL(exited(child), -SIGUSR2);
}

// Process numbers of another namespace, where that is permitted.
static void namespaces(void) {
  long child = make(FLAG_NEWUSER | FLAG_NEWPID | SIGCHLD);
  if (!child) {
    pid_t second = fork();
    if (!second) _exit(getpid() == 2 ? 19 : 20);
    int status = 0;
    if (getpid() != 1 || waitpid(second, &status, 0) != second) _exit(21);
    execl("/bin/sh", "sh", "-c", "exit 22", NULL);
    _exit(23);
  }
  if (child > 0) CHECK_EQUAL(exited(child), 22);
}

static void traced(void) {
  pid_t child = fork();
  if (!child) {
    int first = ptrace(PTRACE_TRACEME, 0, 0, 0), second = ptrace(PTRACE_TRACEME, 0, 0, 0);
    _exit(first == 0 && second == -1 && errno == EPERM ? 24 : 25);
  }
  CHECK_EQUAL(exited(child), 24);
}

// A program that traces its own children: one that asks for it, one that is attached to while it works.
static void tracing(void) {
  volatile long word = 29;
  int ends[2], status = 0;
  char byte = 1;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (!child) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(word);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  CHECK_EQUAL(ptrace(PTRACE_PEEKDATA, child, &word, 0), 29);
  CHECK(ptrace(PTRACE_POKEDATA, child, &word, 30) == 0);
  CHECK(ptrace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK_EQUAL(exited(child), 30);
  child = fork();
  if (!child) {
    char got;
    close(ends[1]);
    _exit(read(ends[0], &got, 1) == 1 ? word : 1);
  }
  CHECK(ptrace(PTRACE_ATTACH, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  CHECK(ptrace(PTRACE_POKEDATA, child, &word, 31) == 0);
  CHECK(ptrace(PTRACE_DETACH, child, 0, 0) == 0);
  CHECK(write(ends[1], &byte, 1) == 1);
  CHECK_EQUAL(exited(child), 31);
  close(ends[0]);
  close(ends[1]);
}

// New code in a child, and old code that it changes: its maker's is untouched.
static void code(void) {
  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char body[] = {0xb8, 26, 0, 0, 0, 0xc3};  // mov eax, 26 ; ret
  memcpy(page, body, sizeof body);
  int (*call)(void) = (int (*)(void))page;
  CHECK_EQUAL(call(), 26);
  pid_t child = fork();
  if (!child) {
    int before = call();
    page[1] = 27;
    _exit(before == 26 ? call() : 1);
  }
  CHECK_EQUAL(exited(child), 27);
  CHECK_EQUAL(call(), 26);
  munmap(page, 4096);
}

int main(void) {
  fromThreads();
  threadsInChild();
  fromHandler();
  inherited();
  storm();
  killed();
  orphans();
  programs();
  clones();
  namespaces();
  traced();
  tracing();
  code();
  return verdict();
}
