// SPDX-License-Identifier: GPL-3.0-only
#include "CLinux.h"

#include <sys/timerfd.h>

int xv_open_terminal(char *path, size_t size) {
  int server = posix_openpt(O_RDWR | O_NOCTTY);
  if (server < 0) return -errno;
  int status = grantpt(server) || unlockpt(server) ? errno : ptsname_r(server, path, size);
  if (status) {
    close(server);
    return -status;
  }
  fcntl(server, F_SETFD, FD_CLOEXEC);
  fcntl(server, F_SETFL, O_NONBLOCK);
  return server;
}

int xv_open_timer(long nanoseconds) {
  struct itimerspec setting = {{0, nanoseconds}, {0, nanoseconds}};
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer < 0) return -errno;
  timerfd_settime(timer, 0, &setting, NULL);
  return timer;
}
