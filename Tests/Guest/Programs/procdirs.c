// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency
// build: -O1 -pthread
// The program's files of /proc, reached through open directories, symbolic links of /proc itself and the numbers
// of its threads, say the same by every way.
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char first[1 << 16], other[1 << 16];

static void contents(int file, char *text) {
  ssize_t count, all = 0;
  CHECK(file >= 0);
  while ((count = read(file, text + all, sizeof first - 1 - (size_t)all)) > 0) all += count;
  CHECK(count == 0);
  text[all] = 0;
  if (file >= 0) close(file);
}

static int directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY); }

static void maps(int at, const char *path) {
  contents(openat(at, path, O_RDONLY), other);
  CHECK(strstr(other, "[stack]") != NULL);
  CHECK(strcmp(first, other) == 0);
}

static void untraced(int at, const char *path) {
  contents(openat(at, path, O_RDONLY), other);
  CHECK(strstr(other, "TracerPid:\t0\n") != NULL);
}

static long size(int at, const char *path) {
  contents(openat(at, path, O_RDONLY), other);
  return strtol(other, NULL, 10);
}

static int ready[2], end[2];
static pid_t neighbour;

static void *wait_for_end(void *argument) {
  char byte;
  neighbour = gettid();
  CHECK(write(ready[1], "r", 1) == 1);
  CHECK(read(end[0], &byte, 1) == 1);
  return argument;
}

int main(void) {
  char byte, path[80];
  CHECK(pipe(ready) == 0 && pipe(end) == 0);
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_end, NULL);
  CHECK(read(ready[0], &byte, 1) == 1);
  int proc = directory("/proc"), self = directory("/proc/self"), task = directory("/proc/self/task");
  int threadSelf = directory("/proc/thread-self");
  snprintf(path, sizeof path, "/proc/self/task/%d", neighbour);
  int next = directory(path);
  contents(open("/proc/self/maps", O_RDONLY), first);
  maps(self, "maps");
  maps(self, "./maps");
  maps(self, "task/../maps");
  maps(proc, "self/maps");
  maps(proc, "thread-self/maps");
  maps(next, "maps");
  maps(threadSelf, "maps");
  maps(next, "../../maps");
  snprintf(path, sizeof path, "%d/maps", neighbour);
  maps(task, path);
  maps(proc, path);
  snprintf(path, sizeof path, "%d/task/%d/maps", getpid(), neighbour);
  maps(proc, path);
  snprintf(path, sizeof path, "/proc/%d/task/%d/maps", neighbour, getpid());
  maps(-1, path);
  CHECK(chdir("/proc/self") == 0);
  maps(AT_FDCWD, "maps");
  struct {
    uint64_t flags, mode, resolve;
  } how = {O_RDONLY, 0, 0};
  contents((int)syscall(SYS_openat2, self, "maps", &how, sizeof how), other);
  CHECK(strcmp(first, other) == 0);
  untraced(self, "status");
  untraced(next, "status");
  untraced(threadSelf, "status");
  long pages = size(self, "statm");
  CHECK_EQUAL(size(next, "statm"), pages);
  CHECK_EQUAL(size(proc, "thread-self/statm"), pages);
  CHECK(write(end[1], "e", 1) == 1);
  pthread_join(thread, NULL);
  return verdict();
}
