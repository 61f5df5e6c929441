// SPDX-License-Identifier: GPL-3.0-only
// Makes a process in the way that it is told and waits for it: fork, vfork, or vfork and exec of itself.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int before = 1;

static int work(int n) { return n * n; }

static int child(int n) {
  int result = work(n);
  return result + before;
}

static int parent(int n) { return work(n) - before; }

int main(int count, char **arguments) {
  const char *way = count > 1 ? arguments[1] : "fork";
  if (strcmp(way, "run") == 0) return child(6);
  before = 2;
  pid_t made;
  if (way[0] == 'v') {
    made = vfork();
    if (made == 0) {
      if (strcmp(way, "vforkexec") == 0) execl("/proc/self/exe", arguments[0], "run", (char *)0);
      _exit(child(3));
    }
  } else {
    made = fork();
    if (made == 0) {
      if (strcmp(way, "exec") == 0) execl("/proc/self/exe", arguments[0], "run", (char *)0);
      _exit(child(4));
    }
  }
  int status;
  wait(&status);
  int result = parent(5);
  printf("%d %d\n", WEXITSTATUS(status), result);
  return 0;
}
