// SPDX-License-Identifier: GPL-3.0-only
// groups: threads memory relocation
// build: -O1 -pthread
// limit: 60
// options: --torture relocate=4
// The second thread of a process ends it while the first makes a call for xv (it maps the arena for the libraries that
// went with a move): the kernel tells of the first one's end last, and of the others' only step by step.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { processes = 40 };
static atomic_int calls;

static void *end(void *after) {
  while (calls < (long)after) getppid();
  syscall(SYS_exit_group, 7);
  return NULL;
}

int main(void) {
  for (long process = 0; process < processes; process++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, end, (void *)(process % 20 + 1)) != 0) abort();
      for (;;) {
        getppid();
        calls++;
      }
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
  return verdict();
}
