// SPDX-License-Identifier: GPL-3.0-only
// groups: signal registers
// build: -O1
// What a handler changes in its frame holds when it returns: every register, the flags, the vector
// registers, the mask, rip to code never run before; for synchronous and asynchronous signals.
#include "check.h"
#include <signal.h>
#include <ucontext.h>

struct State {
  uint64_t r[15], flags, xmm[2];
} wanted, got;
static uint64_t stack __attribute__((used));
static volatile int handled;
void byFault(void), byCall(void);
extern char landedA[], landedB[];

__asm__(".macro each what, from\n"
        "  \\what %rax, 0+\\from(%rip)\n \\what %rbx, 8+\\from(%rip)\n"
        "  \\what %rcx, 16+\\from(%rip)\n"
        "  \\what %rdx, 24+\\from(%rip)\n \\what %rsi, 32+\\from(%rip)\n"
        "  \\what %rdi, 40+\\from(%rip)\n \\what %rbp, 48+\\from(%rip)\n"
        "  \\what %r8, 56+\\from(%rip)\n \\what %r9, 64+\\from(%rip)\n"
        "  \\what %r10, 72+\\from(%rip)\n \\what %r11, 80+\\from(%rip)\n"
        "  \\what %r12, 88+\\from(%rip)\n \\what %r13, 96+\\from(%rip)\n"
        "  \\what %r14, 104+\\from(%rip)\n \\what %r15, 112+\\from(%rip)\n"
        ".endm\n"
        ".macro store r, m\n mov \\r, \\m\n.endm\n"
        ".macro enter\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  mov %rsp, stack(%rip)\n.endm\n"
        ".macro finish\n each store, got\n pushfq\n pop 120+got(%rip)\n movdqu %xmm7, 128+got(%rip)\n"
        "  mov stack(%rip), %rsp\n cld\n"
        "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n.endm\n"
        "byFault: enter\n xor %eax, %eax\n mov (%rax), %rcx\n ud2\n"
        "landedA: finish\n"
        // kill(getpid(), SIGUSR1): delivered at the return from the call.
        "byCall: enter\n mov $39, %eax\n syscall\n mov %eax, %edi\n mov $10, %esi\n mov $62, %eax\n"
        "  syscall\n ud2\n"
        "landedB: finish\n");

static void handler(int number, siginfo_t *info, void *context) {
  static const uint8_t numbers[15] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI,
                                      REG_RDI, REG_RBP, REG_R8,  REG_R9,  REG_R10,
                                      REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  ucontext_t *u = context;
  (void)info;
  handled++;
  for (int i = 0; i < 15; i++) u->uc_mcontext.gregs[numbers[i]] = (greg_t)wanted.r[i];
  u->uc_mcontext.gregs[REG_EFL] = (greg_t)wanted.flags;
  u->uc_mcontext.gregs[REG_RIP] = (greg_t)(number == SIGSEGV ? landedA : landedB);
  memcpy(&u->uc_mcontext.fpregs->_xmm[7], wanted.xmm, 16);
  sigaddset(&u->uc_sigmask, SIGUSR2);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  uint64_t seed = 3;
  for (int round = 0; round < 100; round++) {
    sigset_t mask;
    sigemptyset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    for (int i = 0; i < 15; i++) wanted.r[i] = seed = seed * 6364136223846793005 + 1442695040888963407;
    wanted.flags = 0x202 | (seed >> 30 & 0xcd5);
    wanted.xmm[0] = seed * 3;
    wanted.xmm[1] = seed * 5;
    if (round % 2) byFault();
    else byCall();
    for (int i = 0; i < 15; i++) CHECK_EQUAL(got.r[i], wanted.r[i]);
    CHECK_EQUAL(got.flags, wanted.flags);
    CHECK(got.xmm[0] == wanted.xmm[0] && got.xmm[1] == wanted.xmm[1]);
    sigprocmask(0, NULL, &mask);
    CHECK(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
  }
  CHECK_EQUAL(handled, 100);
  return verdict();
}
