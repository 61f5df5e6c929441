// SPDX-License-Identifier: GPL-3.0-only
// Is inside a signal handler, on an alternate stack, while it is attached to. What the handler
// interrupted must go on as if nothing had been.
#include "attach.h"
#include <ucontext.h>

static volatile sig_atomic_t entered, left;
static char stack[65536];

__attribute__((noinline)) void in_handler(void) { atomic_fetch_add(progress, 1); }

static void handle(int signal, siginfo_t *info, void *context) {
  ucontext_t *interrupted = context;
  greg_t rip = interrupted->uc_mcontext.gregs[REG_RIP];
  CHECK(signal == SIGUSR1 && info->si_code == SI_TKILL);
  entered++;
  ready();
  while (!told_to_end()) in_handler();
  CHECK(interrupted->uc_mcontext.gregs[REG_RIP] == rip);
  left++;
}

int main(int argc, char **argv) {
  begin(argc, argv);
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  CHECK(sigaltstack(&alternate, NULL) == 0);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  uint64_t registers[6];
  // The registers around the call that is interrupted.
  __asm__ volatile(
      "mov $0x1111, %%r12\n\tmov $0x2222, %%r13\n\tmov $0x3333, %%r14\n\tmov $0x4444, %%r15\n\t"
      "mov $0x5555, %%rbx\n\t"
      "mov $200, %%eax\n\tsyscall\n\t"  // tkill(self, SIGUSR1)
      "mov %%r12, 0(%[to])\n\tmov %%r13, 8(%[to])\n\tmov %%r14, 16(%[to])\n\t"
      "mov %%r15, 24(%[to])\n\tmov %%rbx, 32(%[to])\n\tmov %%rax, 40(%[to])"
      :
      : [to] "d"(registers), "D"((long)gettid()), "S"((long)SIGUSR1)
      : "rax", "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
  CHECK(entered == 1 && left == 1);
  CHECK(registers[0] == 0x1111 && registers[1] == 0x2222 && registers[2] == 0x3333);
  CHECK(registers[3] == 0x4444 && registers[4] == 0x5555 && registers[5] == 0);
  succeed();
}
