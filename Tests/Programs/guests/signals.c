// SPDX-License-Identifier: GPL-3.0-only
// Handlers of every kind; each checks what the kernel told it and prints a line.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t count, depth, deepest;
static sigjmp_buf back;
static char *page;
extern char faulting_instruction[];

static void counted(int number) { count += number; }

static void on_fault(int number, siginfo_t *info, void *context) {
  ucontext_t *frame = context;
  printf("fault %d at the page: %d, at the instruction: %d, code %d\n", number, info->si_addr == page,
         frame->uc_mcontext.gregs[REG_RIP] == (greg_t)(uintptr_t)faulting_instruction, info->si_code);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void on_fpe(int number, siginfo_t *info, void *context) {
  (void)context;
  printf("signal %d, code %d\n", number, info->si_code);
  siglongjmp(back, 1);
}

static void nested(int number) {
  depth++;
  if (depth > deepest)
    deepest = depth;
  if (deepest < 6)
    raise(number);
  depth--;
}

static void on_other_stack(int number, siginfo_t *info, void *context) {
  stack_t *stack = &((ucontext_t *)context)->uc_stack;
  char here;
  printf("signal %d on the other stack: %d, sender is me: %d\n", number,
         &here >= (char *)stack->ss_sp && &here < (char *)stack->ss_sp + stack->ss_size,
         info->si_pid == getpid());
}

static void install(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigaction(number, &action, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  signal(SIGUSR1, counted);
  for (int i = 0; i < 100; i++)
    raise(SIGUSR1);
  printf("counted %d\n", (int)count);

  page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  install(SIGSEGV, on_fault, 0);
  register char *address __asm__("rsi") = page;
  __asm__ volatile("faulting_instruction: movb $5, (%0)" : : "r"(address) : "memory");
  printf("written %d\n", page[0]);

  install(SIGFPE, on_fpe, 0);
  for (int i = 0; i < 3; i++) {
    volatile int zero = 0;
    if (sigsetjmp(back, 1) == 0)
      printf("%d\n", 1 / zero);
  }

  install(SIGUSR2, (void (*)(int, siginfo_t *, void *))nested, SA_NODEFER);
  raise(SIGUSR2);
  printf("nested %d\n", (int)deepest);

  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  install(SIGHUP, on_other_stack, SA_ONSTACK | SA_RESETHAND);
  raise(SIGHUP);
  struct sigaction now;
  sigaction(SIGHUP, NULL, &now);
  printf("reset to default: %d\n", now.sa_handler == SIG_DFL);

  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  count = 0;
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  sigpending(&pending);
  printf("blocked: pending %d, handled %d\n", sigismember(&pending, SIGUSR1), (int)count);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  printf("unblocked: handled %d\n", (int)count);

  // A timer into a loop without a call: the signal arrives at any instruction of it.
  count = 0;
  signal(SIGALRM, counted);
  struct itimerval timer = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &timer, NULL);
  volatile uint64_t rounds = 0, mirror = 0;
  while (count < 20 * SIGALRM) {
    rounds++;
    mirror++;
  }
  // ends of interrupted and restarted calls
  int pipes[2];
  if (pipe(pipes))
    return 1;
  char byte;
  count = 0;
  install(SIGALRM, (void (*)(int, siginfo_t *, void *))counted, 0);
  errno = 0;
  ssize_t got = read(pipes[0], &byte, 1);
  printf("interrupted read: %zd, EINTR %d\n", got, errno == EINTR);
  memset(&timer, 0, sizeof timer);
  setitimer(ITIMER_REAL, &timer, NULL);
  printf("loop kept its registers: %d\n", rounds == mirror);

  // errno and rt_sigtimedwait
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  siginfo_t info;
  printf("waited for %d\n", sigwaitinfo(&set, &info));
  return 0;
}
