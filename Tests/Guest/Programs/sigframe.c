// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// build no-pie: -O1 -no-pie
// The frame a handler gets: rip is the address of the very instruction, every register holds the
// program's value, si_addr is right; and what the handler changes in it holds afterwards.
#include "check.h"
#include <signal.h>
#include <ucontext.h>

static volatile sig_atomic_t count;
static int lastSignal, lastCode;
static uint64_t lastAddress;
static gregset_t frame;
static uint64_t goOnAt;

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  count++;
  lastSignal = number;
  lastCode = info->si_code;
  lastAddress = (uint64_t)info->si_addr;
  memcpy(frame, u->uc_mcontext.gregs, sizeof frame);
  if (goOnAt) u->uc_mcontext.gregs[REG_RIP] = goOnAt;
}

// Each loads a pattern into all registers, then executes one bad instruction labelled `bad`.
#define FAULTING(name, bad)                                                                        \
  void name(void);                                                                                 \
  extern char name##Bad[], name##After[];                                                          \
  __asm__(#name ":\n"                                                                              \
          "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"              \
          "  mov $0x1001, %eax\n mov $0x1002, %ebx\n mov $0x1003, %ecx\n mov $0x1004, %edx\n"      \
          "  mov $0x1005, %esi\n mov $0x1006, %edi\n mov $0x1007, %ebp\n mov $0x1008, %r8d\n"      \
          "  mov $0x1009, %r9d\n mov $0x100a, %r10d\n mov $0x100b, %r11d\n mov $0x100c, %r12d\n"   \
          "  mov $0x100d, %r13d\n mov $0x100e, %r14d\n mov $0x100f, %r15d\n"                       \
          "  cmp $1, %eax\n stc\n"                                                                 \
          #name "Bad: " bad "\n"                                                                   \
          #name "After:\n"                                                                         \
          "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n")
FAULTING(load, "mov 0x20(%rcx), %rax");
FAULTING(store, "mov %rax, (%r11,%rdx,8)");
FAULTING(modify, "addq $5, 8(%r15)");
FAULTING(illegal, "ud2");
FAULTING(trap, "int3");
FAULTING(divide, "divl zero(%rip)");
FAULTING(relative, "mov %rax, constant(%rip)");
FAULTING(privileged, "hlt");
FAULTING(noncanonical, "mov noncanonicalAddress(%rip), %r9\n mov (%r9), %r9");
FAULTING(callThrough, "call *0x30(%rdi)");
FAULTING(jumpThrough, "jmp *0x30(%rdi)");
FAULTING(pushThrough, "push 0x30(%rsi)");
FAULTING(vector, "movaps constant+8(%rip), %xmm0");
uint32_t zero;
extern const uint64_t constant[4] __attribute__((aligned(16)));
const uint64_t constant[4] __attribute__((aligned(16))) = {1, 2, 3, 4};
uint64_t noncanonicalAddress = 0x8000000000000000;

static const uint8_t numbers[15] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
                                    REG_R15};

static void expect(void (*run)(void), char *at, char *after, int number, int code, uint64_t address,
                   int except) {
  count = 0;
  goOnAt = (uint64_t)after;
  run();
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(frame[REG_RIP], at);
  CHECK_EQUAL(lastSignal, number);
  CHECK_EQUAL(lastCode, code);
  if (number != SIGTRAP) CHECK_EQUAL(lastAddress, address);
  for (int i = 0; i < 15; i++)
    if (i != except) CHECK_EQUAL(frame[numbers[i]], 0x1001 + i);
  CHECK_EQUAL(frame[REG_EFL] & 0x8d5, 0x1 | 0x4 * !!(frame[REG_EFL] & 4));
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  int all[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS};
  for (int i = 0; i < 5; i++) CHECK(sigaction(all[i], &action, NULL) == 0);
  for (int round = 0; round < 5; round++) {
    expect(load, loadBad, loadAfter, SIGSEGV, SEGV_MAPERR, 0x1023, -1);
    expect(store, storeBad, storeAfter, SIGSEGV, SEGV_MAPERR, 0x100b + 0x1004 * 8, -1);
    expect(modify, modifyBad, modifyAfter, SIGSEGV, SEGV_MAPERR, 0x1017, -1);
    expect(illegal, illegalBad, illegalAfter, SIGILL, ILL_ILLOPN, (uint64_t)illegalBad, -1);
    expect(trap, trapBad + 1, trapAfter, SIGTRAP, SI_KERNEL, 0, -1);
    expect(divide, divideBad, divideAfter, SIGFPE, FPE_INTDIV, (uint64_t)divideBad, -1);
    expect(relative, relativeBad, relativeAfter, SIGSEGV, SEGV_ACCERR, (uint64_t)constant, -1);
    expect(privileged, privilegedBad, privilegedAfter, SIGSEGV, SI_KERNEL, 0, -1);
    expect(noncanonical, noncanonicalBad + 7, noncanonicalAfter, SIGSEGV, SI_KERNEL, 0, 8);
    expect(callThrough, callThroughBad, callThroughAfter, SIGSEGV, SEGV_MAPERR, 0x1036, -1);
    expect(jumpThrough, jumpThroughBad, jumpThroughAfter, SIGSEGV, SEGV_MAPERR, 0x1036, -1);
    expect(pushThrough, pushThroughBad, pushThroughAfter, SIGSEGV, SEGV_MAPERR, 0x1035, -1);
    expect(vector, vectorBad, vectorAfter, SIGSEGV, SI_KERNEL, 0, -1);
  }
  return verdict();
}
