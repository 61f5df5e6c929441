// SPDX-License-Identifier: GPL-3.0-only
// groups: syscall registers flags
// build: -O1
// build no-pie: -O1 -no-pie
// After `syscall` rcx is the address behind it, r11 the flags, rax the result; all other registers
// and the flags are as before, whichever call it was.
#include "check.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { registers = 15 };
struct State {
  uint64_t r[registers], flags;
} before, after;
uint64_t stackBefore, stackAfter;
void callKernel(void);
extern char behind[];

__asm__(EACH_REGISTER
        "callKernel:\n"
        "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  mov %rsp, stackBefore(%rip)\n"
        "  push 120+before(%rip)\n popfq\n"
        "  each load, before\n"
        "  syscall\n"
        "behind:\n"
        "  each store, after\n"
        "  pushfq\n pop 120+after(%rip)\n cld\n"
        "  mov %rsp, stackAfter(%rip)\n"
        "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

static uint64_t seed = 99;

static int64_t make(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t flags) {
  for (int i = 0; i < registers; i++) before.r[i] = seed = seed * 6364136223846793005 + 1442695040888963407;
  before.r[0] = number;
  before.r[5] = a;
  before.r[4] = b;
  before.r[3] = c;
  before.r[9] = d;
  before.r[7] = -1;  // r8 and r9: no descriptor and no offset for mmap.
  before.r[8] = 0;
  before.flags = flags;
  callKernel();
  CHECK_EQUAL(after.r[2], (uint64_t)behind);
  CHECK_EQUAL(after.r[10], flags);
  CHECK_EQUAL(after.flags, flags);
  CHECK_EQUAL(stackAfter, stackBefore);
  for (int i = 1; i < registers; i++)
    if (i != 2 && i != 10) CHECK_EQUAL(after.r[i], before.r[i]);
  return (int64_t)after.r[0];
}

int main(void) {
  char buffer[200];
  static const uint64_t flags[] = {0x202, 0x203, 0x246, 0x282, 0xa02, 0xad7, 0x602};
  for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++) {
    CHECK_EQUAL(make(SYS_getpid, 1, 2, 3, 4, flags[f]), getpid());
    CHECK_EQUAL(make(100000, 1, 2, 3, 4, flags[f]), -ENOSYS);
    CHECK_EQUAL(make(SYS_read, -1, (uint64_t)buffer, 1, 0, flags[f]), -EBADF);
    CHECK_EQUAL(make(SYS_uname, 0, 0, 0, 0, flags[f]), -EFAULT);
    CHECK(make(SYS_getcwd, (uint64_t)buffer, sizeof buffer, 0, 0, flags[f]) > 0);
    int64_t at = make(SYS_mmap, 0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, flags[f]);
    CHECK(at > 0);
    CHECK_EQUAL(make(SYS_mprotect, at, 4096, PROT_READ, 0, flags[f]), 0);
    CHECK_EQUAL(make(SYS_munmap, at, 8192, 0, 0, flags[f]), 0);
    CHECK(make(SYS_brk, 0, 0, 0, 0, flags[f]) > 0);
    CHECK_EQUAL(make(SYS_rt_sigaction, 64, 0, 0, 8, flags[f]), 0);
    CHECK_EQUAL(make(SYS_rt_sigaction, 65, 0, 0, 8, flags[f]), -EINVAL);
    CHECK_EQUAL(make(SYS_rt_sigprocmask, 0, 0, 0, 8, flags[f]), 0);
    CHECK_EQUAL(make(SYS_arch_prctl, 0x1003, (uint64_t)buffer, 0, 0, flags[f]), 0);
    CHECK_EQUAL(make(SYS_sched_yield, 0, 0, 0, 0, flags[f]), 0);
  }
  return verdict();
}
