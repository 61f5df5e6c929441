// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread process
// build: -O1 -pthread
// limit: 40
// A process whose threads make threads all the time is stopped by job control and continued, again and again: some are born into
// the stop. None of them is lost, and nothing moves while it is stopped.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { MAKERS = 4, STOPS = 60 };
static atomic_long *made;

static void *nothing(void *argument) { return argument; }

static void *make(void *number) {
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0) _exit(1);
    pthread_join(thread, NULL);
    made[(long)number]++;
  }
}

static long sum(void) {
  long result = 0;
  for (int i = 0; i < MAKERS; i++) result += made[i];
  return result;
}

int main(void) {
  made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    pthread_t makers[MAKERS];
    for (long i = 1; i < MAKERS; i++) pthread_create(&makers[i], NULL, make, (void *)i);
    make((void *)0);
  }
  int status;
  for (int i = 0; i < STOPS; i++) {
    for (long before = sum(); sum() < before + 3;) usleep(200);
    CHECK(kill(child, SIGSTOP) == 0);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    long before = sum();
    usleep(500);
    CHECK_EQUAL(sum(), before);
    CHECK(kill(child, SIGCONT) == 0);
  }
  // Each maker goes on.
  for (int i = 0; i < MAKERS; i++)
    for (long before = made[i]; made[i] < before + 3;) usleep(200);
  CHECK(kill(child, SIGKILL) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  return verdict();
}
