// SPDX-License-Identifier: GPL-3.0-only
// groups: process thread
// build: -O1
// CLONE_UNTRACED keeps a debugger from what is made; it must not keep it from being served.
#include "check.h"
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FLAG_UNTRACED = 0x800000, STACK = 65536, PAGE = 4096 };
static char stack[STACK] __attribute__((aligned(64)));
static volatile int alive, counted;

static int ended(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, __WALL) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int count(void *argument) {
  counted += (int)fib(*(unsigned *)argument);
  syscall(SYS_exit, 0);
  return 0;
}

static int leave(void *argument) { _exit((int)fib(*(unsigned *)argument)); }

static pid_t clone3(struct clone_args *arguments, size_t size) {
  return (pid_t)syscall(SYS_clone3, arguments, size);
}

int main(void) {
  unsigned ten = 10, eleven = 11;
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD | FLAG_UNTRACED, 0, 0, 0, 0);
  if (child == 0) _exit((int)fib(9));
  CHECK_EQUAL(ended(child), 34);
  child = clone(leave, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD | FLAG_UNTRACED, &ten);
  CHECK_EQUAL(ended(child), 55);
  // A thread; its end is told by the word that the kernel clears.
  alive = 1;
  child = clone(count, stack + STACK,
                CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID |
                    FLAG_UNTRACED,
                &eleven, NULL, NULL, &alive);
  CHECK(child > 0);
  while (alive) syscall(SYS_futex, &alive, FUTEX_WAIT, 1, NULL);
  CHECK_EQUAL(counted, 89);

  struct clone_args arguments = {.flags = FLAG_UNTRACED, .exit_signal = SIGCHLD};
  child = clone3(&arguments, sizeof arguments);
  if (child == 0) _exit((int)fib(12) & 127);
  CHECK_EQUAL(ended(child), 144 & 127);
  CHECK(arguments.flags == FLAG_UNTRACED && arguments.exit_signal == SIGCHLD);
  // The arguments may be longer than those that the kernel knows, be read-only, and end where the memory ends.
  char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const size_t sizes[] = {64, 200, PAGE};
  for (int i = 0; i < 3; i++) {
    char *place = pages + PAGE - sizes[i];
    mprotect(pages, PAGE, PROT_READ | PROT_WRITE);
    memset(pages, 0, PAGE);
    memcpy(place, &arguments, 64);
    mprotect(pages, PAGE, PROT_READ);
    mprotect(pages + PAGE, PAGE, PROT_NONE);
    child = clone3((struct clone_args *)place, sizes[i]);
    if (child == 0) _exit((int)fib(8));
    CHECK_EQUAL(ended(child), 21);
    CHECK(clone3((struct clone_args *)(place + 8), sizes[i]) == -1 && errno == EFAULT);
  }
  CHECK(clone3(&arguments, 60) == -1 && errno == EINVAL);
  CHECK(clone3(&arguments, PAGE + 8) == -1 && errno == E2BIG);
  return verdict();
}
