// SPDX-License-Identifier: GPL-3.0-only
// groups: system transparency
// flush: 20
// Programs that may make next to no system call: seccomp's strict mode, and filters that kill or refuse the rest.
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int filter(unsigned otherwise) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, otherwise),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// New code at every step, none of which was translated before.
static void work(int number) {
  int values[200];
  char text[64];
  long sum = 0;
  for (int i = 0; i < 200; i++) values[i] = (i * 7919) % 211;
  qsort(values, 200, sizeof *values, compare);
  for (int i = 0; i < 200; i++) sum += snprintf(text, sizeof text, "%d %.3f %s", values[i], i / 7.0, "word");
  long length = snprintf(text, sizeof text, "%d: %ld %ld\n", number, sum, strtol("1234", NULL, 10));
  if (write(1, text, (size_t)length) != length) syscall(SYS_exit, 7);
}

int main(void) {
  for (int kind = 0; kind < 4; kind++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      int failed = kind == 0   ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)
                   : kind == 1 ? filter(SECCOMP_RET_KILL_PROCESS)
                   : kind == 2 ? filter(SECCOMP_RET_ERRNO | 1)
                               : filter(SECCOMP_RET_KILL_PROCESS);
      if (failed) _exit(9);
      work(kind);
      if (kind == 3) getppid();  // not allowed
      syscall(SYS_exit, 5);
    }
    int status;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (kind == 3) CHECK_EQUAL(WTERMSIG(status), SIGSYS);
    else CHECK_EQUAL(status, 5 << 8);
  }
  return verdict();
}
