// SPDX-License-Identifier: GPL-3.0-only
#include "CLinux.h"

#include <cpuid.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>

long xv_ptrace(int request, pid_t thread, uintptr_t address, uintptr_t data) {
  errno = 0;
  long result = syscall(SYS_ptrace, (long)request, (long)thread, address, data);
  return result < 0 ? -errno : result;
}

long xv_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  long result = syscall(number, a, b, c, d, e, f);
  return result < 0 ? -errno : result;
}

long xv_futex_wait(const uint32_t *word, uint32_t expected, long timeout_nanoseconds) {
  struct timespec timeout = {timeout_nanoseconds / 1000000000, timeout_nanoseconds % 1000000000};
  long result = syscall(SYS_futex, word, FUTEX_WAIT, expected,
                        timeout_nanoseconds < 0 ? NULL : &timeout, NULL, 0);
  return result < 0 ? -errno : result;
}

long xv_futex_wake(const uint32_t *word) {
  long result = syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
  return result < 0 ? -errno : result;
}

long xv_waitpid(pid_t pid, int *status, int options) {
  pid_t result = waitpid(pid, status, options);
  return result < 0 ? -errno : result;
}

int xv_is_ending(pid_t thread) {
  siginfo_t information = {0};
  if (waitid(P_PID, (id_t)thread, &information, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) != 0) return 0;
  if (information.si_pid == 0) return 0;
  if (information.si_code != CLD_TRAPPED) return information.si_code != CLD_STOPPED;
  return information.si_status == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

int xv_share_memory(pid_t one, pid_t other) {
  enum { VM = 1 };
  return syscall(SYS_kcmp, one, other, VM, 0, 0) == 0;
}

long xv_tgkill(pid_t process, pid_t thread, int signal) {
  long result = syscall(SYS_tgkill, process, thread, signal);
  return result < 0 ? -errno : result;
}

int xv_open(const char *path, int flags, int mode) {
  int result = open(path, flags, mode);
  return result < 0 ? -errno : result;
}

int xv_prlimit(pid_t pid, int resource, const uint64_t *limit, uint64_t *old) {
  return syscall(SYS_prlimit64, pid, resource, limit, old) == 0 ? 0 : -errno;
}

int xv_is_memory_file(const char *path) {
  struct stat file;
  struct statfs system;
  return stat(path, &file) == 0 && file.st_mode == (S_IFREG | 0600) && statfs(path, &system) == 0 &&
         system.f_type == PROC_SUPER_MAGIC;
}

long xv_read_remote(pid_t pid, uint64_t remote, void *local, size_t count) {
  struct iovec here = {local, count}, there = {(void *)remote, count};
  ssize_t result = process_vm_readv(pid, &here, 1, &there, 1, 0);
  return result < 0 ? -errno : result;
}

long xv_read_remote_pages(pid_t pid, uint64_t remote, void *local, size_t pages, size_t stride, size_t behind) {
  struct iovec here[16], there = {(void *)remote, pages * 4096 + behind};
  if (pages > 16) return -EINVAL;
  for (size_t page = 0; page < pages; page++)
    here[page] = (struct iovec){(char *)local + page * stride, page + 1 < pages ? 4096 : 4096 + behind};
  ssize_t result = process_vm_readv(pid, here, pages, &there, 1, 0);
  return result < 0 ? -errno : result;
}

long xv_write_remote(pid_t pid, uint64_t remote, const void *local, size_t count) {
  struct iovec here = {(void *)local, count}, there = {(void *)remote, count};
  ssize_t result = process_vm_writev(pid, &here, 1, &there, 1, 0);
  return result < 0 ? -errno : result;
}

uint32_t xv_xsave_area_size(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d)) return 0;
  return b;
}

int xv_is_amd(void) {
  unsigned a, b, c, d;
  // "Auth", "Hygo": the vendor's first letters.
  return __get_cpuid(0, &a, &b, &c, &d) && (b == 0x68747541 || b == 0x6f677948);
}

unsigned xv_processor_features(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  return ((c >> 22) & 1 ? XV_HAS_RDPID : 0) | ((b >> 8) & 1 ? XV_HAS_BMI2 : 0);
}

int xv_allowed_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(getpid(), sizeof set, &set) < 0) return 1;
  return CPU_COUNT(&set);
}

int xv_take_precedence(int levels) {
  int before = getpriority(PRIO_PROCESS, 0);
  setpriority(PRIO_PROCESS, 0, before - levels);
  return before - getpriority(PRIO_PROCESS, 0);
}

void xv_leave_processor(int processor) {
  cpu_set_t allowed, others;
  if (sched_getaffinity(0, sizeof allowed, &allowed) < 0 || CPU_COUNT(&allowed) < 2) return;
  others = allowed;
  CPU_CLR(processor, &others);
  sched_setaffinity(0, sizeof others, &others);
  sched_setaffinity(0, sizeof allowed, &allowed);
}

static void fail(int failure) {
  int why = errno;
  if (write(failure, &why, sizeof why) < 0) _exit(126);
  _exit(127);
}

static void child(const struct xv_spawn_request *request, int go, int failure) {
  if (request->new_process_group) {
    setpgid(0, 0);
    if (isatty(STDIN_FILENO)) {
      // A background process group that calls tcsetpgrp is sent SIGTTOU, which blocked signals do not stop.
      sigset_t ttou;
      sigemptyset(&ttou);
      sigaddset(&ttou, SIGTTOU);
      sigprocmask(SIG_BLOCK, &ttou, NULL);
      tcsetpgrp(STDIN_FILENO, getpid());
    }
  }
  if (request->redirect_standard_io) {
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) {
      dup2(null, STDIN_FILENO);
      close(null);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
  }
  for (int number = 0; number < 3; number++) {
    if (!request->standard_files[number]) continue;
    int flags = number == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    int file = open(request->standard_files[number], flags | O_NOCTTY, 0640);
    if (file < 0) fail(failure);
    if (file != number) {
      dup2(file, number);
      close(file);
    }
  }
  if (request->disable_randomization) {
    int old = personality(0xffffffff);
    if (old >= 0) personality((unsigned long)old | ADDR_NO_RANDOMIZE);
  }
  for (int number = 1; number < 64; number++)
    if (request->default_signals >> (number - 1) & 1) signal(number, SIG_DFL);
  char byte;
  while (read(go, &byte, 1) < 0 && errno == EINTR) {
  }
  if (request->working_directory && chdir(request->working_directory) < 0) fail(failure);
  for (int number = 1; number <= 64; number++)
    if (request->ignored_signals >> (number - 1) & 1) signal(number, SIG_IGN);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &request->signal_mask, NULL, sizeof request->signal_mask);
  execve(request->path, request->argv, request->envp);
  fail(failure);
}

// As fork; with the id that is wanted if it can be had.
static pid_t make_child(pid_t wanted) {
  if (wanted > 0) {
    uint64_t ids = (uint64_t)(uintptr_t)&wanted;
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = ids, .set_tid_size = 1};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid >= 0) return (pid_t)pid;
  }
  return fork();
}

int xv_spawn(const struct xv_spawn_request *request, struct xv_spawned *spawned) {
  int go[2], failure[2];
  if (pipe2(go, O_CLOEXEC) < 0) return -errno;
  if (pipe2(failure, O_CLOEXEC) < 0) {
    int why = errno;
    close(go[0]);
    close(go[1]);
    return -why;
  }
  pid_t pid = make_child(request->wanted);
  if (pid == 0) child(request, go[0], failure[1]);
  int why = errno;
  close(go[0]);
  close(failure[1]);
  if (pid < 0) {
    close(go[1]);
    close(failure[0]);
    return -why;
  }
  spawned->pid = pid;
  spawned->go = go[1];
  spawned->failure = failure[0];
  return 0;
}
