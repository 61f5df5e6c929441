// SPDX-License-Identifier: GPL-3.0-only
// groups: threads processes
// build: -O1 -pthread
// limit: 60
// options: --torture flush=2
// A thread that is not the first one calls exec while others have all threads stopped again and again (each second of
// their calls discards the cache): it stops for nobody before these have ended.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { processes = 25 };
static atomic_int calls;

static void *call(void *unused) {
  for (;;) {
    getppid();
    calls++;
  }
  return unused;
}

static void *replace(void *after) {
  while (calls < (long)after) getppid();
  execl("/proc/self/exe", "execstops", "again", NULL);
  abort();
}

int main(int count, char **arguments) {
  (void)arguments;
  if (count > 1) return 7;
  for (long process = 0; process < processes; process++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t threads[3];
      for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, i ? call : replace, (void *)(process % 20 + 1)) != 0) abort();
      call(NULL);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
  return verdict();
}
