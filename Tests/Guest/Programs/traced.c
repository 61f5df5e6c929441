// SPDX-License-Identifier: GPL-3.0-only
// groups: transparency
// What a program asks about its being traced, and about its address space, is answered as natively.
#include "check.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void dumpable(void) {
  CHECK(prctl(PR_GET_DUMPABLE) == 1);
  CHECK(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0) == -1 && errno == EINVAL);
  CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  CHECK(prctl(PR_GET_DUMPABLE) == 0);
  // A child has what its parent has.
  pid_t child = fork();
  if (child == 0) _exit(prctl(PR_GET_DUMPABLE));
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_GET_DUMPABLE) == 1);
}

static void timestamps(void) {
  int mode = 0;
  CHECK(prctl(PR_GET_TSC, &mode) == 0 && mode == PR_TSC_ENABLE);
  unsigned low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  CHECK(low || high);
}

/// Where the kernel puts mappings, from the first on.
static void places(void) {
  char *first = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const size_t sizes[] = {1 << 12, 1 << 16, 5 << 20, 1 << 12, 100 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *place = mmap(NULL, sizes[i], PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    printf("mapping %zu at %+td\n", i, place - first);
  }
  char *hint = first - (8l << 30);
  char *hinted = mmap(hint, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(hinted == hint);
  CHECK(mmap(hint, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
  CHECK(errno == EEXIST);
  unsigned char there[2];
  CHECK(mincore(hint, 4096, there) == 0);
  CHECK(munmap(hint, 4096) == 0);
  CHECK(mincore(hint, 4096, there) == -1 && errno == ENOMEM);
  char *end = sbrk(0);
  CHECK(sbrk(64 << 20) == end);
  CHECK(sbrk(0) == (void *)(end + (64 << 20)));
}

int main(int argc, char **argv) {
  (void)argc;
  // Large mappings are aligned: where they come depends on where the first one is.
  int old = personality(0xffffffff);
  if (!(old & ADDR_NO_RANDOMIZE)) {
    CHECK(personality((unsigned long)old | ADDR_NO_RANDOMIZE) == old);
    execv("/proc/self/exe", argv);
  }
  dumpable();
  timestamps();
  places();
  CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
  CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM);
  CHECK(ptrace(PTRACE_PEEKDATA, getppid(), 0, 0) == -1 && errno == ESRCH);
  return verdict();
}
