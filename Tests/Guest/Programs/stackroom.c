// SPDX-License-Identifier: GPL-3.0-only
// groups: memory
// build: -O1 -Wno-trampolines
// Code on a stack that grows by more than a gigabyte afterwards: a translator's memory for that code, which has to be within 2 GiB
// of it, is not in its way.
#include "check.h"
#include <alloca.h>
#include <sys/resource.h>

static const rlim_t size = (rlim_t)3000 << 20;
static int (*volatile call)(int);

__attribute__((noinline)) static int descend(long left) {
  volatile char *frame = alloca(1 << 20);
  frame[0] = 1;
  frame[1 << 19] = 2;
  return left <= 0 ? frame[0] : descend(left - (1 << 20)) + frame[0];
}

int main(int argc, char **argv) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
  if (argc == 1) {
    // Where mappings end is decided by the limit at exec.
    limit.rlim_cur = size;
    if (setrlimit(RLIMIT_STACK, &limit) == 0) execl("/proc/self/exe", argv[0], "again", NULL);
    printf("no larger stack: the hard limit is %lu\n", limit.rlim_max);
    return 1;
  }
  CHECK_EQUAL(limit.rlim_cur, size);
  // On the stack stands what brings `argc` along.
  int add(int x) { return x + argc; }
  call = add;
  CHECK_EQUAL(call(1), 3);
  for (long step = 256; step <= 1280; step += 256) CHECK_EQUAL(descend(step << 20), step + 1);
  CHECK_EQUAL(call(1), 3);
  return verdict();
}
