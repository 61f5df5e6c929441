// SPDX-License-Identifier: GPL-3.0-only
// Processes made by fork, vfork and posix_spawn in several threads at once, with signals around; each ends with the status that
// it was told to.
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { THREADS = 6, ROUNDS = 25 };
extern char **environ;
static volatile long alarms;
static void alarmed(int number) {
  (void)number;
  alarms++;
}

static int await(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  return status;
}

static void *spawn(void *argument) {
  int me = (int)(intptr_t)argument;
  char script[64];
  for (volatile int round = 0; round < ROUNDS; round++) {
    int code = (me * ROUNDS + round) % 120 + 1;
    snprintf(script, sizeof script, "exit %d", code);
    char *words[] = {"sh", "-c", script, NULL};
    pid_t child = -1;
    switch ((me + round) % 4) {
      case 0:
        child = fork();
        if (child == 0) _exit(code);
        break;
      case 1:
        child = vfork();
        if (child == 0) {
          execv("/bin/sh", words);
          _exit(127);
        }
        break;
      case 2: CHECK_EQUAL(posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ), 0); break;
      default:
        child = vfork();
        if (child == 0) _exit(code);
    }
    CHECK_EQUAL(await(child), code << 8);
    // A child that a signal ends.
    if (round % 8 == 0) {
      child = fork();
      if (child == 0)
        for (;;) pause();
      kill(child, SIGTERM);
      CHECK_EQUAL(await(child), SIGTERM);
    }
  }
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_handler = alarmed, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval often = {{0, 2000}, {0, 2000}}, none = {0};
  setitimer(ITIMER_REAL, &often, NULL);
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, spawn, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  setitimer(ITIMER_REAL, &none, NULL);
  CHECK(alarms > 0);
  CHECK_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
  return verdict();
}
