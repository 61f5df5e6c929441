// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// build: -O1
// flush: 1000000
// A process with no room for a region of its own: it runs all the same, natively.
#include "check.h"
#include <sys/resource.h>
#include <sys/wait.h>

int main(void) {
  struct rlimit old, limit;
  getrlimit(RLIMIT_AS, &old);
  limit = old;
  limit.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_AS, &limit);
  pid_t child = fork();
  if (!child) _exit(28);
  setrlimit(RLIMIT_AS, &old);
  int status = 0;
  if (child > 0) CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(WEXITSTATUS(status), 28);
  return verdict();
}
