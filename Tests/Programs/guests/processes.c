// SPDX-License-Identifier: GPL-3.0-only
// fork, vfork, posix_spawn, exec, wait, pipes, and a child that dies by a signal.
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void ended(const char *what, pid_t pid) {
  int status = 0;
  pid_t waited = waitpid(pid, &status, 0);
  printf("%s: waited %d, exited %d %d, signal %d\n", what, waited == pid, WIFEXITED(status),
         WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    printf("again as %s\n", argv[1]);
    return 12;
  }
  setvbuf(stdout, NULL, _IONBF, 0);
  pid_t pid = fork();
  if (pid == 0) {
    printf("child: the parent is not I: %d\n", getppid() != getpid());
    _exit(3);
  }
  ended("fork", pid);

  pid = vfork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "exit 4", NULL);
    _exit(127);
  }
  ended("vfork and exec", pid);

  char *const arguments[] = {"sh", "-c", "echo spawned; exit 5", NULL};
  char *const environment[] = {"PATH=/bin:/usr/bin", NULL};
  if (posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environment) == 0)
    ended("posix_spawn", pid);

  pid = fork();
  if (pid == 0) {
    raise(SIGTERM);
    _exit(1);
  }
  ended("signal", pid);

  int ends[2];
  char text[64] = "";
  if (pipe(ends))
    return 1;
  pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execlp("echo", "echo", "through a pipe", NULL);
    _exit(127);
  }
  close(ends[1]);
  size_t length = 0;
  for (ssize_t got; (got = read(ends[0], text + length, sizeof text - 1 - length)) > 0;)
    length += (size_t)got;
  ended("pipe", pid);
  printf("read %s", text);

  // A forked child goes on computing and forks itself.
  pid = fork();
  if (pid == 0) {
    unsigned sum = 0;
    for (unsigned i = 0; i < 100000; i++)
      sum = sum * 33 + i;
    pid_t grandchild = fork();
    if (grandchild == 0)
      _exit((int)(sum & 63));
    int status;
    waitpid(grandchild, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  ended("grandchild", pid);

  execl("/proc/self/exe", "processes", "another", NULL);
  return 1;
}
