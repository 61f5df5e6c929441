// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// guard: no
// Jumps, calls and returns to addresses that are not canonical: the instruction itself faults, and has done nothing. (With --guard
// it cannot be executed in its own place.)
#include "check.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static uint64_t rip, rsp, rcx, rdx, address;
static int code;

static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  address = (uint64_t)info->si_addr;
  code = info->si_code;
  rip = registers[REG_RIP];
  rsp = registers[REG_RSP];
  rcx = registers[REG_RCX];
  rdx = registers[REG_RDX];
  siglongjmp(back, 1);
}

// Each puts rsp into *rsi right before the instruction.
void callTo(uint64_t target, uint64_t *stack), callBy(uint64_t target, uint64_t *stack),
    jumpTo(uint64_t target, uint64_t *stack), returnTo(uint64_t target, uint64_t *stack);
extern char callToThere[], callByThere[], jumpToThere[], returnToThere[];
__asm__(".macro begin\n mov $0x3333, %ecx\n mov $0x4444, %edx\n.endm\n"
        "callTo: begin\n mov %rsp, (%rsi)\ncallToThere: call *%rdi\n ret\n"
        "callBy: begin\n mov %rsp, (%rsi)\ncallByThere: call *(%rdi)\n ret\n"
        "jumpTo: begin\n mov %rsp, (%rsi)\njumpToThere: jmp *%rdi\n"
        "returnTo: begin\n push %rdi\n mov %rsp, (%rsi)\nreturnToThere: ret\n");

static void expect(void (*go)(uint64_t, uint64_t *), uint64_t target, char *there) {
  static uint64_t stack;
  rip = 0;
  if (!sigsetjmp(back, 1)) go(target, &stack);
  CHECK_EQUAL(rip, there);
  CHECK_EQUAL(rsp, stack);
  CHECK_EQUAL(rcx, 0x3333);
  CHECK_EQUAL(rdx, 0x4444);
  CHECK_EQUAL(address, 0);
  CHECK_EQUAL(code, SI_KERNEL);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  uint64_t targets[] = {0x4141414141414141, 0x800000000000, 0xffff7fffffffffff, 1ull << 63};
  for (int round = 0; round < 4; round++)
    for (int i = 0; i < 4; i++) {
      expect(callTo, targets[i], callToThere);
      expect(callBy, (uint64_t)&targets[i], callByThere);
      expect(jumpTo, targets[i], jumpToThere);
      expect(returnTo, targets[i], returnToThere);
    }
  return verdict();
}
