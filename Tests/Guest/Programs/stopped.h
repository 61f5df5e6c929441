// SPDX-License-Identifier: GPL-3.0-only
// A process of several threads is stopped by job control and continued, again and again: each stop is told, and nothing moves
// before it is continued. All its threads go on in the end.
#pragma once

#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static int progress[2];

// A thread of the process has come one step further.
static inline void advance(char name) {
  if (write(progress[1], &name, 1) != 1) _exit(1);
}

static inline int isQuiet(void) {
  struct pollfd byte = {.fd = progress[0], .events = POLLIN};
  return poll(&byte, 1, 0) == 0;
}

static inline char next(void) {
  char name = -1;
  CHECK(read(progress[0], &name, 1) == 1);
  return name;
}

// Another process runs from its beginning to its end.
static inline void other(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(waitpid(child, NULL, 0) == child);
}

// `run` does not return. Its threads advance by the names 0 to `names` - 1.
static inline int stopAgainAndAgain(void (*run)(void), int stops, int names) {
  int checked = 0, moved = 0, status;
  CHECK(pipe(progress) == 0);
  pid_t child = fork();
  if (child == 0) run();
  for (int i = 0; i < stops; i++) {
    for (int j = 0; j < 3; j++) next();
    checked += kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
    while (!isQuiet()) next();
    for (int j = 0; j < 3; j++) other();
    moved += !isQuiet();
    checked += kill(child, SIGCONT) == 0;
  }
  CHECK_EQUAL(checked, 2 * stops);
  CHECK_EQUAL(moved, 0);
  for (int seen = 0; seen != (1 << names) - 1;) seen |= 1 << next();
  CHECK(kill(child, SIGKILL) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  printf("stopped and continued\n");
  return checksFailed != 0;
}
