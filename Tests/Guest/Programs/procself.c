// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency
// build: -O1 -pthread
// The files of /proc about the program show what they show natively, by whatever path they are opened.
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char text[1 << 20];

static const char *contents(int file) {
  ssize_t count, all = 0;
  CHECK(file >= 0);
  while ((count = read(file, text + all, sizeof text - 1 - (size_t)all)) > 0) all += count;
  CHECK(count == 0);
  text[all] = 0;
  close(file);
  return text;
}

/// Permissions, offset and file of each mapping, in order. What follows one another without a hole is
/// marked.
static void mappings(const char *what, int file) {
  printf("-- %s\n", what);
  char *rest, *line = strtok_r((char *)contents(file), "\n", &rest);
  unsigned long end = 0;
  for (; line; line = strtok_r(NULL, "\n", &rest)) {
    unsigned long from, to, offset;
    char permissions[5], path[256] = "";
    if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %255s", &from, &to, permissions, &offset, path) < 4) continue;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf("%s%s %lx %s\n", from == end ? "+" : " ", permissions, offset, name);
    end = to;
  }
}

static void lines(const char *what, int file, const char *const *wanted) {
  printf("-- %s\n", what);
  char *rest, *line = strtok_r((char *)contents(file), "\n", &rest);
  for (; line; line = strtok_r(NULL, "\n", &rest))
    for (const char *const *each = wanted; *each; each++)
      if (strncmp(line, *each, strlen(*each)) == 0) puts(line);
}

static const char *const facts[] = {"State:", "TracerPid:", "Threads:", "SigBlk:", "SigIgn:", "SigCgt:",
                                    "Seccomp:", "NoNewPrivs:", "CoreDumping:", "THP_enabled:", NULL};

static void *thread(void *argument) {
  char path[100];
  lines("thread-self/status", open("/proc/thread-self/status", O_RDONLY), facts);
  sprintf(path, "/proc/%d/task/%d/maps", getpid(), gettid());
  mappings("task/TID/maps", open(path, O_RDONLY));
  return argument;
}

int main(void) {
  puts("begin");  // so that the heap is there before the first file is opened
  mappings("self/maps", open("/proc/self/maps", O_RDONLY));
  int directory = open("/proc/self", O_RDONLY | O_DIRECTORY);
  mappings("openat", openat(directory, "maps", O_RDONLY | O_CLOEXEC));
  mappings("odd path", open("//proc/./self/../self//maps", O_RDONLY));
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC);
  CHECK(read(file, text, 1) == 1 && lseek(file, 0, SEEK_CUR) == 1);
  CHECK(write(file, "x", 1) == -1 && errno == EBADF);
  close(file);
  CHECK(strstr(contents(open("/proc/self/smaps", O_RDONLY)), "memfd:xv") == NULL);
  lines("self/status", open("/proc/self/status", O_RDONLY), facts);
  char path[100];
  sprintf(path, "/proc/%d/status", getpid());
  lines("PID/status", open(path, O_RDONLY), facts);
  CHECK(open("/proc/self/maps/x", O_RDONLY) == -1 && errno == ENOTDIR);
  CHECK(open("/proc/self/task/1/maps", O_RDONLY) == -1 && errno == ENOENT);
  CHECK(open((char *)8, O_RDONLY) == -1 && errno == EFAULT);
  FILE *init = fopen("/proc/1/status", "r");
  if (init) fclose(init);

  ssize_t count = readlink("/proc/self/exe", text, sizeof text);
  text[count] = 0;
  puts(strrchr(text, '/') + 1);
  CHECK(strcmp(strrchr(text, '/') + 1, "procself") == 0);
  const char *auxv = contents(open("/proc/self/auxv", O_RDONLY));
  uint64_t pair[2];
  do {
    memcpy(pair, auxv, 16);
    auxv += 16;
    if (pair[0] == AT_ENTRY || pair[0] == AT_PHDR || pair[0] == AT_SYSINFO_EHDR) CHECK(pair[1] == getauxval(pair[0]));
  } while (pair[0]);
  volatile uint64_t known = 0x1234, seen = 0;
  int memory = open("/proc/self/mem", O_RDWR);
  CHECK(pread(memory, (void *)&seen, 8, (off_t)(uintptr_t)&known) == 8 && seen == known);
  seen = 77;
  CHECK(pwrite(memory, (void *)&seen, 8, (off_t)(uintptr_t)&known) == 8 && known == 77);
  close(memory);

  pthread_t other;
  CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
  CHECK(pthread_join(other, NULL) == 0);
  return verdict();
}
