// SPDX-License-Identifier: GPL-3.0-only
// Holds something of the kernel's while it says "half", and tells what has become of it when there is a file "go".
//
// usage: holds timers | clocks | locks | events | ends | signals | watches
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void want(int holds) {
  if (holds) return;
  perror("holds");
  exit(1);
}

static void half(void) {
  puts("half");
  fflush(stdout);
  // Signals may interrupt the wait.
  for (FILE *word = 0; !word || fclose(word);) word = fopen("word", "r");
}

static volatile sig_atomic_t ticks[65], values[65];

static void on_signal(int number, siginfo_t *information, void *context) {
  ticks[number]++;
  if (information->si_code == SI_TIMER) values[number] = information->si_value.sival_int;
}

// The interval timers go on: setitimer(2).
static void timers(void) {
  static const int kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
  static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
  struct itimerval time = {.it_value = {0, 30000}, .it_interval = {0, 40000}}, now;
  for (int i = 0; i < 3; i++) want(setitimer(kinds[i], &time, NULL) == 0);
  half();
  for (int i = 0; i < 3; i++) {
    ticks[signals[i]] = 0;
    while (ticks[signals[i]] < 2) {}
    getitimer(kinds[i], &now);
    printf("timer %d: %ld.%06ld\n", i, (long)now.it_interval.tv_sec, (long)now.it_interval.tv_usec);
  }
}

// So do those of timer_create(2), with their numbers: the first one is gone.
static void clocks(void) {
  timer_t made[3];
  for (int i = 0; i < 3; i++) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + i, .sigev_value.sival_int = 70 + i};
    want(timer_create(i == 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &event, &made[i]) == 0);
  }
  timer_delete(made[0]);
  struct itimerspec time = {.it_value = {0, 30000000}, .it_interval = {0, 40000000}}, now;
  for (int i = 1; i < 3; i++) want(timer_settime(made[i], 0, &time, NULL) == 0);
  half();
  for (int i = 1; i < 3; i++) {
    ticks[SIGRTMIN + i] = 0;
    while (ticks[SIGRTMIN + i] < 2) {}
    want(timer_gettime(made[i], &now) == 0);
    time.it_value.tv_nsec = 0;
    want(timer_settime(made[i], 0, &time, NULL) == 0);
    printf("timer %d: %ld, signal's value %d\n", i, (long)now.it_interval.tv_nsec,
           values[SIGRTMIN + i]);
  }
}

// A POSIX lock, one of an open file description, one of flock(2), seen by somebody else.
static void locks(void) {
  int file[3];
  struct flock piece = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
  struct flock whole = {.l_type = F_RDLCK, .l_start = 5};
  for (int i = 0; i < 3; i++) {
    char name[] = {'l', 'o', 'c', 'k', '0' + i, 0};
    file[i] = open(name, O_RDWR | O_CREAT, 0600);
  }
  want(fcntl(file[0], F_SETLK, &piece) == 0);
  want(fcntl(file[1], F_OFD_SETLK, &whole) == 0);
  want(flock(file[2], LOCK_EX) == 0);
  half();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    struct flock seen = {.l_type = F_WRLCK};
    fcntl(file[0], F_GETLK, &seen);
    printf("POSIX: %d, %ld and %ld bytes\n", seen.l_type, (long)seen.l_start, (long)seen.l_len);
    seen = (struct flock){.l_type = F_WRLCK};
    fcntl(open("lock1", O_RDWR), F_OFD_GETLK, &seen);
    printf("OFD: %d, %ld and %ld bytes\n", seen.l_type, (long)seen.l_start, (long)seen.l_len);
    int result = flock(open("lock2", O_RDWR), LOCK_SH | LOCK_NB);
    printf("flock: %d, %d\n", result, errno);
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

// What was written to an eventfd and not read.
static void events(void) {
  int sum = eventfd(5, EFD_NONBLOCK), one = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
  half();
  uint64_t word;
  for (int i = 0; i < 2; i++) {
    if (read(sum, &word, 8) == 8) printf("sum: %lu\n", word);
  }
  for (int i = 0; i < 5; i++) {
    if (read(one, &word, 8) == 8) printf("one: %lu\n", word);
  }
}

// Timers that are read: one goes on, one has ended and was not read, one is not set.
static void ends(void) {
  int on = timerfd_create(CLOCK_MONOTONIC, 0), over = timerfd_create(CLOCK_MONOTONIC, 0),
      unset = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  struct itimerspec again = {.it_value = {0, 30000000}, .it_interval = {0, 40000000}}, once = {.it_value = {0, 1000}}, now;
  timerfd_settime(on, 0, &again, NULL);
  timerfd_settime(over, 0, &once, NULL);
  struct pollfd ready = {over, POLLIN, 0};
  want(poll(&ready, 1, -1) == 1);
  half();
  uint64_t word;
  for (int i = 0; i < 2; i++) want(read(on, &word, 8) == 8 && word > 0);
  timerfd_gettime(on, &now);
  printf("on: every %ld\n", (long)now.it_interval.tv_nsec);
  want(read(over, &word, 8) == 8);
  printf("over: %lu\n", word);
  want(read(unset, &word, 8) < 0 && errno == EAGAIN);
}

// Signals that are read, and wait.
static void signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int file = signalfd(-1, &set, SFD_NONBLOCK);
  raise(SIGUSR2);
  for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 40 + i});
  half();
  struct signalfd_siginfo information;
  while (read(file, &information, sizeof information) == sizeof information) {
    printf("%d: %d\n", information.ssi_signo, information.ssi_int);
  }
}

// An epoll: what is ready, and what was told once.
static void watches(void) {
  int set = epoll_create1(EPOLL_CLOEXEC), ready = eventfd(1, 0), told = eventfd(1, 0), idle = eventfd(0, 0);
  int file[] = {ready, told, idle};
  struct epoll_event found[4];
  for (int i = 0; i < 3; i++) {
    struct epoll_event wanted = {.events = EPOLLIN | (i == 1 ? EPOLLONESHOT : 0), .data.u64 = 0x1234567800000000 + i};
    want(epoll_ctl(set, EPOLL_CTL_ADD, file[i], &wanted) == 0);
  }
  want(epoll_wait(set, found, 4, -1) == 2);
  half();
  for (int i = 0; i < 2; i++) {
    int count = epoll_wait(set, found, 4, 0);
    printf("%d ready:", count);
    for (int k = 0; k < count; k++) printf(" %lx", (unsigned long)found[k].data.u64);
    puts("");
    uint64_t word = 1;
    want(read(ready, &word, 8) == 8 && write(idle, &word, 8) == 8);
    if (i == 0) want(write(ready, &word, 8) == 8 && read(ready, &word, 8) == 8 && write(ready, &word, 8) == 8);
  }
  printf("closes on exec: %d\n", fcntl(set, F_GETFD));
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*body)(void);
  } kinds[] = {{"timers", timers}, {"clocks", clocks},   {"locks", locks},    {"events", events},
               {"ends", ends},     {"signals", signals}, {"watches", watches}};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  int caught[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN + 2};
  for (int i = 0; i < 6; i++) sigaction(caught[i], &action, NULL);
  for (int i = 0; argc > 1 && i < 7; i++) {
    if (strcmp(kinds[i].name, argv[1]) == 0) {
      kinds[i].body();
      return 5;
    }
  }
  return 2;
}
