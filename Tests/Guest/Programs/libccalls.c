// SPDX-License-Identifier: GPL-3.0-only
// groups: syscall libc
// build: -O1
// A walk through the system calls programs make: files, directories, pipes, sockets, epoll,
// timers, memory, resource limits.
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>

static void files(const char *directory) {
  char path[300], second[300], text[64] = "";
  snprintf(path, sizeof path, "%s/file", directory);
  snprintf(second, sizeof second, "%s/second", directory);
  int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0);
  CHECK(write(file, "0123456789", 10) == 10);
  struct iovec parts[2] = {{"abc", 3}, {"defgh", 5}};
  CHECK(writev(file, parts, 2) == 8);
  CHECK(pwrite(file, "XY", 2, 4) == 2);
  CHECK(lseek(file, 0, SEEK_CUR) == 18);
  CHECK(pread(file, text, 18, 0) == 18);
  puts(text);
  struct stat facts;
  CHECK(fstat(file, &facts) == 0 && facts.st_size == 18);
  CHECK(ftruncate(file, 5000) == 0);
  CHECK(flock(file, LOCK_EX) == 0);
  char *mapped = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(mapped != MAP_FAILED);
  mapped[4999] = 'z';
  CHECK(msync(mapped, 5000, MS_SYNC) == 0);
  CHECK(pread(file, text, 1, 4999) == 1 && text[0] == 'z');
  CHECK(munmap(mapped, 5000) == 0);
  CHECK(link(path, second) == 0);
  CHECK(stat(second, &facts) == 0 && facts.st_nlink == 2);
  CHECK(access(path, R_OK) == 0 && access("/nowhere", F_OK) == -1 && errno == ENOENT);
  int copy = dup(file);
  CHECK(fcntl(copy, F_GETFL) == (O_RDWR | 0100000));
  CHECK(fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
  CHECK(close(copy) == 0 && close(copy) == -1 && errno == EBADF);
  int names = 0;
  DIR *listing = opendir(directory);
  CHECK(listing != NULL);
  while (listing && readdir(listing)) names++;
  closedir(listing);
  CHECK_EQUAL(names, 4);
  int target = memfd_create("copy", 0);
  off_t from = 0;
  CHECK(target >= 0 && sendfile(target, file, &from, 5000) == 5000);
  CHECK(unlink(second) == 0 && rename(path, second) == 0 && unlink(second) == 0);
  close(target);
  close(file);
}

static void channels(void) {
  int ends[2], sockets[2];
  char text[32] = "";
  CHECK(pipe2(ends, O_NONBLOCK) == 0);
  CHECK(read(ends[0], text, 8) == -1 && errno == EAGAIN);
  struct pollfd wait[1] = {{ends[0], POLLIN, 0}};
  CHECK(poll(wait, 1, 0) == 0);
  CHECK(write(ends[1], "pipe", 4) == 4);
  CHECK(poll(wait, 1, 1000) == 1 && wait[0].revents == POLLIN);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  CHECK(select(ends[0] + 1, &set, NULL, NULL, NULL) == 1);
  CHECK(read(ends[0], text, 32) == 4 && !memcmp(text, "pipe", 4));
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  CHECK(send(sockets[0], "socket", 6, 0) == 6 && recv(sockets[1], text, 32, 0) == 6);
  int epoll = epoll_create1(0), event = eventfd(3, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = event}, got[4];
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) == 0);
  CHECK(epoll_wait(epoll, got, 4, 1000) == 1 && got[0].data.fd == event);
  uint64_t count = 0;
  CHECK(read(event, &count, 8) == 8 && count == 3);
  CHECK(epoll_wait(epoll, got, 4, 0) == 0);
  struct itimerspec soon = {.it_value.tv_nsec = 1000000};
  CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0 && read(timer, &count, 8) == 8 && count == 1);
  int all[] = {ends[0], ends[1], sockets[0], sockets[1], epoll, event, timer};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) CHECK(close(all[i]) == 0);
}

int main(void) {
  char directory[] = "calls.XXXXXX";
  CHECK(mkdtemp(directory) != NULL);
  files(directory);
  CHECK(rmdir(directory) == 0);
  channels();
  struct utsname name;
  CHECK(uname(&name) == 0 && !strcmp(name.machine, "x86_64"));
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 0);
  limit.rlim_cur = 50;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  int last = -1, one;
  while ((one = dup(0)) >= 0) last = one;
  CHECK(errno == EMFILE);
  CHECK_EQUAL(last, 49);
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > 0);
  unsigned char noise[16];
  CHECK(getrandom(noise, 16, 0) == 16);
  CHECK(getppid() > 0 && getsid(0) > 0 && getuid() == geteuid());
  umask(022);
  CHECK(umask(077) == 022);
  return verdict();
}
