// SPDX-License-Identifier: GPL-3.0-only
// groups: process transparency
// build: -O1
// Processes that a sandbox is made in: what they make, and what they call, is judged by the same filter, which
// knows nothing of the calls that xv makes.
#include "check.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int ended(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/// getpriority fails by a number of the filter's; a file without a name is deadly.
static void filter(void) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static int judged(void) {
  errno = 0;
  return getpriority(PRIO_PROCESS, 0) == -1 && errno == 77;
}

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int inside(char *self) {
  char *arguments[] = {self, "called", NULL};
  filter();
  CHECK(judged());
  pid_t child = fork();
  if (child == 0) _exit(judged() ? (int)fib(11) : 1);
  CHECK_EQUAL(ended(child), 89);
  child = fork();
  if (child == 0) {
    execv(self, arguments);
    _exit(2);
  }
  CHECK_EQUAL(ended(child), 4);
  child = vfork();
  if (child == 0) {
    execv(self, arguments);
    _exit(2);
  }
  CHECK_EQUAL(ended(child), 4);
  child = fork();
  if (child == 0) syscall(SYS_memfd_create, "", 0);
  CHECK_EQUAL(ended(child), 256 + SIGSYS);
  return checksFailed != 0;
}

int main(int argc, char **argv) {
  if (argc > 1) return judged() && fib(10) == 55 ? 4 : 3;
  pid_t child = fork();
  if (child == 0) {
    int result = inside(argv[0]);
    fflush(stdout);
    _exit(result);
  }
  CHECK_EQUAL(ended(child), 0);
  CHECK(!judged());
  return verdict();
}
