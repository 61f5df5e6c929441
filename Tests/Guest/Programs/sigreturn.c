// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// What rt_sigreturn may do with a frame: read it. Frames that are looked at after their use, lie in memory that
// cannot be written, at the end of what is mapped, are used by several threads at once, or cannot be read.
// build: -O2 -pthread
#include "check.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { PAGE = 4096, KERNEL_PART = 304, TURNS = 200 };

static long call3(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

/// Tells what a frame says natively behind the call that sent the signal.
static ucontext_t *volatile used;
static volatile greg_t usedRIP;

static void note(int number, siginfo_t *information, void *data) {
  (void)number, (void)information;
  used = data;
  usedRIP = used->uc_mcontext.gregs[REG_RIP];
}

/// Between the return and the look nothing is asked of anybody once this has run before.
static __attribute__((noinline)) int differs_after_use(long process, long thread) {
  call3(SYS_tgkill, process, thread, SIGUSR1);
  return used->uc_mcontext.gregs[REG_RIP] != usedRIP;
}

static void look_after_use(void) {
  static char other[65536];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  long process = getpid(), thread = gettid();
  int different = 0;
  for (int turn = 0; turn < TURNS; turn++) different += differs_after_use(process, thread);
  CHECK_EQUAL(different, 0);
}

/// A frame that the program has made: it goes on at `target` on `stack`, with all other registers zero.
static void make(void *frame, void (*target)(void), void *stack) {
  ucontext_t made;
  memset(&made, 0, sizeof made);
  greg_t *registers = made.uc_mcontext.gregs;
  registers[REG_RIP] = (greg_t)target;
  registers[REG_RSP] = (greg_t)stack;
  registers[REG_EFL] = 0x202;
  registers[REG_CSGSFS] = 0x33 | 0x2bll << 48;
  made.uc_stack.ss_flags = SS_DISABLE;
  memcpy(frame, &made, KERNEL_PART);
}

static __thread jmp_buf back;
static __attribute__((aligned(64))) char stacks[4][65536];

static void arrived(void) { longjmp(back, 1); }

static __attribute__((noinline)) void use(const void *frame) {
  if (setjmp(back) == 0)
    __asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall\n ud2" : : "r"(frame) : "memory");
}

static void *top(int number) { return stacks[number] + sizeof stacks[number] - 4096 - 8; }

/// The frame ends where the mapping ends, and cannot be written.
static void end_of_mapping(void) {
  char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void *frame = pages + PAGE - KERNEL_PART;
  make(frame, arrived, top(0));
  munmap(pages + PAGE, PAGE);
  mprotect(pages, PAGE, PROT_READ);
  int turns = 0;
  for (; turns < TURNS; turns++) use(frame);
  CHECK_EQUAL(turns, TURNS);
  CHECK_EQUAL(((uint64_t *)frame)[21], arrived);
  munmap(pages, PAGE);
}

/// Several threads go by one frame, to code that gives each its own stack.
static char shared[KERNEL_PART];
__thread void *ownStack;

__asm__(
    ".text\n.globl take_stack\ntake_stack:\n"
    "  mov ownStack@gottpoff(%rip), %rax\n  mov %fs:(%rax), %rsp\n  jmp arrived_there\n");
void take_stack(void);
__attribute__((used)) void arrived_there(void) { longjmp(back, 1); }

static void *run(void *number) {
  ownStack = top((int)(intptr_t)number);
  intptr_t turns = 0;
  for (; turns < TURNS; turns++) use(shared);
  return (void *)turns;
}

static void several_threads(void) {
  make(shared, take_stack, NULL);
  pthread_t threads[3];
  for (intptr_t i = 0; i < 3; i++) pthread_create(&threads[i], NULL, run, (void *)(i + 1));
  for (int i = 0; i < 3; i++) {
    void *turns;
    pthread_join(threads[i], &turns);
    CHECK_EQUAL(turns, TURNS);
  }
  CHECK_EQUAL(((uint64_t *)shared)[21], take_stack);
}

/// A frame that cannot be read is a fault behind the call.
static volatile greg_t faultRIP, faultRSP, faultRAX;
static volatile int faultCode;
static sigjmp_buf out;

static void fault(int number, siginfo_t *information, void *data) {
  (void)number;
  ucontext_t *context = data;
  faultRIP = context->uc_mcontext.gregs[REG_RIP];
  faultRSP = context->uc_mcontext.gregs[REG_RSP];
  faultRAX = context->uc_mcontext.gregs[REG_RAX];
  faultCode = information->si_code;
  siglongjmp(out, 1);
}

static void unreadable(void) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  static char other[65536];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&stack, NULL);
  sigaction(SIGSEGV, &action, NULL);
  char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pages + PAGE, PAGE, PROT_NONE);
  char *frames[] = {(char *)64, pages + PAGE - 64, pages + PAGE};
  for (int i = 0; i < 3; i++) {
    if (sigsetjmp(out, 1) == 0)
      __asm__ volatile(
          "mov %0, %%rsp\n mov $15, %%eax\n syscall\n"
          ".globl behind_bad\nbehind_bad: ud2" : : "r"(frames[i]) : "memory");
    extern char behind_bad[];
    CHECK_EQUAL(faultRIP, behind_bad);
    CHECK_EQUAL(faultRSP, frames[i]);
    CHECK_EQUAL(faultRAX, 0);
    CHECK_EQUAL(faultCode, SI_KERNEL);
  }
  signal(SIGSEGV, SIG_DFL);
}

int main(void) {
  look_after_use();
  end_of_mapping();
  several_threads();
  unreadable();
  return verdict();
}
