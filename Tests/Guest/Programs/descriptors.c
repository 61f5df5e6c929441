// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency syscall
// build: -O1
// A program has the descriptors it was given and no others, its first new one is 3, and it goes on
// when it has closed all of them but its output. Its threads, parent and command line are its own.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>

__attribute__((noinline)) static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int entries(const char *path) {
  int count = 0;
  DIR *listing = opendir(path);
  while (listing) {
    struct dirent *entry = readdir(listing);
    if (!entry) break;
    count += entry->d_name[0] != '.';
  }
  if (listing) closedir(listing);
  return count;
}

static void show(const char *path) {
  char text[300] = "";
  FILE *file = fopen(path, "r");
  size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (file) fclose(file);
  for (size_t i = 0; i < size; i++)
    if (!text[i]) text[i] = ' ';
  char *slash = strrchr(text, '/');
  printf("%s: %s\n", path, slash ? slash : text);
}

int main(void) {
  printf("%d descriptors, %d threads\n", entries("/proc/self/fd"), entries("/proc/self/task"));
  int first = open("/dev/null", O_RDONLY);
  CHECK_EQUAL(first, 3);
  show("/proc/self/cmdline");
  show("/proc/self/comm");
  char name[300] = "";
  CHECK(readlink("/proc/self/fd/0", name, sizeof name) > 0);
  puts(name);
  fflush(stdout);
  CHECK(close_range(2, ~0u, 0) == 0 && close(0) == 0);
  CHECK_EQUAL(open("/dev/null", O_RDONLY), 0);
  CHECK_EQUAL(open("/dev/null", O_WRONLY), 2);
  CHECK_EQUAL(fib(20), 6765);
  return verdict();
}
