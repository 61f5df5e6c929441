// SPDX-License-Identifier: GPL-3.0-only
// Computes all the time under a filter that kills for every call but its own few ("filtered"), or with all that it maps locked
// in memory ("locked").
#include "attach.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static void filter(void) {
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter instructions[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                       ALLOW(SYS_write), ALLOW(SYS_poll), ALLOW(SYS_exit_group),
                                       ALLOW(SYS_newfstatat), ALLOW(SYS_fstat), ALLOW(SYS_restart_syscall),
                                       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
  struct sock_fprog program = {sizeof instructions / sizeof *instructions, instructions};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

__attribute__((noinline)) uint64_t round_of_work(uint64_t seed) { return seed * 6364136223846793005u + 1442695040888963407u; }

int main(int argc, char **argv) {
  begin(argc, argv);
  int isLocked = strcmp(argv[2], "locked") == 0;
  uint64_t seed = 1, rounds = 0;
  if (isLocked) CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
  ready();
  if (!isLocked) filter();
  do {
    for (int i = 0; i < 200; i++) seed = round_of_work(seed);
    atomic_store(progress, rounds += 200);
  } while (!told_to_end());
  uint64_t again = 1;
  for (uint64_t i = 0; i < rounds; i++) again = round_of_work(again);
  CHECK(again == seed);
  if (isLocked) {
    // It locks what it maps as before.
    unsigned char resident = 0;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && mincore(page, 4096, &resident) == 0 && resident & 1);
  }
  succeed();
}
