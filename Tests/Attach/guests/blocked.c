// SPDX-License-Identifier: GPL-3.0-only
// Waits in a system call that must be restarted exactly: it may not end with EINTR nor too early.
#include "attach.h"
#include <sys/epoll.h>
#include <sys/sem.h>

static int pipes[2];
static volatile sig_atomic_t wakings;

static void woken(int signal) {
  (void)signal;
  wakings++;
}

__attribute__((noinline)) void waking(void) { atomic_fetch_add(progress, 1); }

static void wait_for_read(void) {
  char byte;
  CHECK(read(0, &byte, 1) == 1 && byte == 'x');
}

static void wait_for_epoll(void) {
  int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
  CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, 0, &event) == 0);
  struct epoll_event got;
  CHECK(epoll_wait(set, &got, 1, -1) == 1 && got.data.u64 == 77);
  close(set);
  wait_for_read();
}

static void wait_for_sleep(void) {
  // Asleep again and again until told; each sleep as long as was asked for.
  do {
    struct timespec before, after, wanted = {0, 50 * 1000 * 1000}, rest = {-1, -1};
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(nanosleep(&wanted, &rest) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    CHECK(slept >= wanted.tv_nsec);
    atomic_fetch_add(progress, 1);
  } while (!told_to_end());
  wait_for_read();
}

static void wait_for_suspend(void) {
  sigset_t blocked, before, now;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  CHECK(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
  while (wakings == 0) CHECK(sigsuspend(&before) == -1 && errno == EINTR);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
  CHECK(sigismember(&now, SIGUSR1) == 1);
  wait_for_read();
}

static void wait_for_semaphore(void) {
  int set = semget(IPC_PRIVATE, 1, 0600);
  CHECK(set >= 0);
  pid_t child = fork();
  if (child == 0) {
    wait_for_read();
    struct sembuf up = {0, 1, 0};
    _exit(semop(set, &up, 1) != 0);
  }
  struct sembuf down = {0, -1, 0};
  CHECK(semop(set, &down, 1) == 0);
  CHECK(semctl(set, 0, IPC_RMID) == 0);
}

int main(int argc, char **argv) {
  begin(argc, argv);
  CHECK(argc == 3);
  struct sigaction action = {.sa_handler = woken};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  CHECK(pipe(pipes) == 0);
  ready();
  if (strcmp(argv[2], "read") == 0) wait_for_read();
  if (strcmp(argv[2], "epoll") == 0) wait_for_epoll();
  if (strcmp(argv[2], "sleep") == 0) wait_for_sleep();
  if (strcmp(argv[2], "suspend") == 0) wait_for_suspend();
  if (strcmp(argv[2], "semaphore") == 0) wait_for_semaphore();
  waking();
  succeed();
}
