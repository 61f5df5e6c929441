// SPDX-License-Identifier: GPL-3.0-only
// Forks, and runs a shell in another child; waits for both.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(int n) {
  return n * n;
}

int main(void) {
  int status;
  pid_t child = fork();
  if (child == 0)
    _exit(work(4));
  waitpid(child, &status, 0);
  int first = WEXITSTATUS(status);
  int second = WEXITSTATUS(system("exit 9"));
  int third = work(5);
  printf("%d %d %d\n", first, second, third);
  return 0;
}
