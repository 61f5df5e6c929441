// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread process
// build: -O1 -pthread
// limit: 40
// A process whose threads make threads all the time is stopped by job control and continued, again and again: some are born into
// the stop. None of them is lost, and nothing moves while it is stopped.
#include "check.h"
#include <pthread.h>
#include <poll.h>
#include <sys/wait.h>

enum { MAKERS = 4, STOPS = 60 };
static int progress[2];

static void *nothing(void *argument) { return argument; }

// Each thread that has been made and has ended is a byte that says by whom.
static void *make(void *number) {
  char name = (char)(long)number;
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0) _exit(1);
    pthread_join(thread, NULL);
    if (write(progress[1], &name, 1) != 1) _exit(1);
  }
}

static int isQuiet(void) {
  struct pollfd byte = {.fd = progress[0], .events = POLLIN};
  return poll(&byte, 1, 0) == 0;
}

static char next(void) {
  char name = -1;
  CHECK(read(progress[0], &name, 1) == 1);
  return name;
}

// Another process runs from its beginning to its end.
static void other(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(waitpid(child, NULL, 0) == child);
}

int main(void) {
  int checked = 0, moved = 0;
  CHECK(pipe(progress) == 0);
  pid_t child = fork();
  if (child == 0) {
    pthread_t makers[MAKERS];
    for (long i = 1; i < MAKERS; i++) pthread_create(&makers[i], NULL, make, (void *)i);
    make((void *)0);
  }
  int status;
  for (int i = 0; i < STOPS; i++) {
    for (int j = 0; j < 3; j++) next();
    checked += kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
    while (!isQuiet()) read(progress[0], &status, 1);
    for (int j = 0; j < 3; j++) other();
    moved += !isQuiet();
    checked += kill(child, SIGCONT) == 0;
  }
  CHECK_EQUAL(checked, 2 * STOPS);
  CHECK_EQUAL(moved, 0);
  // Each maker goes on.
  for (int seen = 0; seen != (1 << MAKERS) - 1;) seen |= 1 << next();
  CHECK(kill(child, SIGKILL) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  printf("stopped and continued\n");
  return checksFailed != 0;
}
