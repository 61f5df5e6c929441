// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1
// limit: 60
// flush: 50
// Many children, one after the other: this program's parent, which under xv is xv, does not grow by them.
#include "check.h"
#include <dirent.h>
#include <sys/wait.h>

struct size { long memory, maps, descriptors; };

static struct size ofParent(void) {
  struct size size = {0, 0, 0};
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/status", getppid());
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &size.memory);
  if (file) fclose(file);
  snprintf(path, sizeof path, "/proc/%d/maps", getppid());
  file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) size.maps++;
  if (file) fclose(file);
  snprintf(path, sizeof path, "/proc/%d/fd", getppid());
  DIR *directory = opendir(path);
  while (directory && readdir(directory)) size.descriptors++;
  if (directory) closedir(directory);
  return size;
}

static void make(int many) {
  for (int i = 0; i < many; i++) {
    pid_t child = fork();
    if (!child) {
      if (i % 5 == 0) execl("/bin/true", "true", NULL);
      _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
}

int main(void) {
  make(100);
  struct size before = ofParent();
  make(400);
  struct size after = ofParent();
  CHECK(before.memory > 0 && before.maps > 0 && before.descriptors > 0);
  // What the last children had may be on its way out: an engine or two, of 400.
  CHECK(after.memory - before.memory < 16 << 10);
  CHECK(after.maps - before.maps < 150);
  CHECK(after.descriptors - before.descriptors < 8);
  return verdict();
}
