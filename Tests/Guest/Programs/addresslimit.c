// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency process
// build: -O1 -pthread
// The size of the address space, and its limit: to the page what they are natively, for the program, its
// children, and the program that it calls next.
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;
static char text[1 << 18];
static const long page = 4096, megabyte = 1 << 20;

static char *contents(int file) {
  ssize_t count, all = 0;
  CHECK(file >= 0);
  while ((count = read(file, text + all, sizeof text - 1 - (size_t)all)) > 0) all += count;
  text[all] = 0;
  close(file);
  return text;
}

static char *contents_of(const char *path) { return contents(open(path, O_RDONLY)); }

/// The sum of all mappings; the page of old system calls is none of the process's.
static long mapped(void) {
  long sum = 0;
  for (char *line = contents_of("/proc/self/maps"); *line; line = strchr(line, '\n') + 1) {
    unsigned long from, to;
    if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from < 1ul << 63) sum += (long)(to - from);
  }
  return sum;
}

static long field(const char *name) {
  char *line = strstr(contents_of("/proc/self/status"), name);
  return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static void sizes(long peak) {
  // What reading maps needs is there now.
  mapped();
  long size = mapped(), pages, vsize;
  char state;
  CHECK_EQUAL(field("\nVmSize:") * 1024, size);
  CHECK(field("\nVmPeak:") * 1024 >= size && field("\nVmPeak:") * 1024 < size + peak);
  CHECK(sscanf(contents_of("/proc/self/statm"), "%ld", &pages) == 1);
  CHECK_EQUAL(pages * page, size);
  char *rest = strrchr(contents_of("/proc/self/stat"), ')');
  CHECK(sscanf(rest + 2, "%c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &state,
               &vsize) == 2);
  CHECK_EQUAL(vsize, size);
  CHECK_EQUAL(state, 'R');
  CHECK(strchr(rest, '\n') && !strchr(rest, '\n')[1]);
}

static int limit_to(rlim_t soft, rlim_t hard) {
  struct rlimit limit = {soft, hard};
  return setrlimit(RLIMIT_AS, &limit);
}

static int can_map(long bytes) {
  void *place = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return errno == ENOMEM ? 0 : -1;
  munmap(place, (size_t)bytes);
  return 1;
}

static void exact(void) {
  long room = 40 * page, size = mapped();
  struct rlimit before, limit;
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  CHECK(limit_to((rlim_t)(size + room), before.rlim_max) == 0);
  CHECK(can_map(room) == 1);
  CHECK(can_map(room + page) == 0);
  char *end = sbrk(0);
  CHECK(sbrk(room + page) == (void *)-1 && errno == ENOMEM);
  CHECK(sbrk(room) == end && sbrk(-room) == end + room);
  char *place = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mremap(place, (size_t)page, (size_t)(room + page), MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
  munmap(place, (size_t)page);
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == (rlim_t)(size + room));
  CHECK(limit.rlim_max == before.rlim_max);
  char line[100];
  snprintf(line, sizeof line, "Max address space         %-20ld ", size + room);
  CHECK(strstr(contents_of("/proc/self/limits"), line) != NULL);
  CHECK(strstr(contents_of("/proc/thread-self/limits"), line) != NULL);
  CHECK(limit_to(before.rlim_cur, before.rlim_max) == 0);
  CHECK(can_map(200 * megabyte) == 1);
}

static void refused(void) {
  struct rlimit old, wanted = {2000 * (rlim_t)megabyte, 1000 * (rlim_t)megabyte};
  CHECK(setrlimit(RLIMIT_AS, &wanted) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_prlimit64, 0, RLIMIT_AS, (void *)8, NULL) == -1 && errno == EFAULT);
  CHECK(syscall(SYS_prlimit64, 0, RLIMIT_AS, NULL, (void *)8) == -1 && errno == EFAULT);
  CHECK(syscall(SYS_getrlimit, RLIMIT_AS, NULL) == -1 && errno == EFAULT);
  CHECK(syscall(SYS_prlimit64, getpid(), RLIMIT_AS, NULL, &old) == 0 && old.rlim_cur == RLIM_INFINITY);
}

static int ended(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/// How a program says that it was called under a limit of 512 MiB.
static int limited(const char *how) {
  struct rlimit limit;
  int bad = getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != 512 * (rlim_t)megabyte;
  bad |= (can_map(300 * megabyte) != 1) << 1 | (can_map(600 * megabyte) != 0) << 2;
  if (bad) printf("%s: %d\n", how, bad);
  fflush(stdout);
  return bad;
}

static void *map_in_thread(void *argument) {
  return can_map(600 * megabyte) == 0 && can_map(300 * megabyte) == 1 ? argument : NULL;
}

static void inherited(char *self) {
  struct rlimit before;
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  CHECK(limit_to(512 * (rlim_t)megabyte, before.rlim_max) == 0);
  CHECK(limited("itself") == 0);
  pthread_t thread;
  void *result = NULL;
  CHECK(pthread_create(&thread, NULL, map_in_thread, self) == 0 && pthread_join(thread, &result) == 0 && result == self);
  pid_t child = fork();
  if (child == 0) _exit(limited("a child"));
  CHECK_EQUAL(ended(child), 0);
  char *arguments[] = {self, "a program of a child", NULL};
  child = fork();
  if (child == 0) {
    execv(self, arguments);
    _exit(100);
  }
  CHECK_EQUAL(ended(child), 0);
  arguments[1] = "a spawned program";
  CHECK(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0);
  CHECK_EQUAL(ended(child), 0);
  CHECK(limit_to(before.rlim_cur, before.rlim_max) == 0);
  // A vfork child's limits are its own.
  arguments[1] = "a program of a vfork child";
  child = vfork();
  if (child == 0) {
    if (limit_to(512 * (rlim_t)megabyte, before.rlim_max)) _exit(101);
    execv(self, arguments);
    _exit(100);
  }
  CHECK_EQUAL(ended(child), 0);
  CHECK(can_map(600 * megabyte) == 1);
}

/// A process that already has more than its limit lives on; a program for which there is no room dies in its exec.
static void tight(char *self) {
  pid_t child = fork();
  if (child == 0) {
    if (limit_to(16 * (rlim_t)page, 16 * (rlim_t)page)) _exit(101);
    // Code that has not run before.
    char word[40];
    snprintf(word, sizeof word, "%g", 0.5);
    _exit(strcmp(word, "0.5") != 0 || can_map(page) != 0);
  }
  CHECK_EQUAL(ended(child), 0);
  char *arguments[] = {self, "a program without room", NULL};
  child = fork();
  if (child == 0) {
    if (limit_to(16 * (rlim_t)page, 16 * (rlim_t)page)) _exit(101);
    execv(self, arguments);
    _exit(100);
  }
  CHECK_EQUAL(ended(child), 256 + SIGSEGV);
}

int main(int argc, char **argv) {
  if (argc > 1) return limited(argv[1]);
  sizes(64 * megabyte);
  exact();
  refused();
  inherited(argv[0]);
  tight(argv[0]);
  sizes(4096 * megabyte);
  return verdict();
}
