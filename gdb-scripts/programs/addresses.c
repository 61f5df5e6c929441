// SPDX-License-Identifier: GPL-3.0-only
// Looks at every place where a code address can be seen: all must lie in this program's own text.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <ucontext.h>

extern const char __executable_start[], etext[];
uintptr_t returned_to, frame_rip, rcx_after, next_rip;

static int mine(uintptr_t address) {
  return address >= (uintptr_t)__executable_start && address < (uintptr_t)etext;
}

static __attribute__((noinline)) void look_at_return(void) {
  returned_to = (uintptr_t)__builtin_return_address(0);
}

static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  frame_rip = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

static void look_at_syscall(void) {
  uintptr_t rax = SYS_getppid;
  __asm__ volatile("lea 1f(%%rip), %2\n syscall\n 1:"
                   : "+a"(rax), "=&c"(rcx_after), "=&r"(next_rip) : : "r11", "memory");
}

static void look_at_frame(void) {
  __asm__ volatile("ud2" : : : "memory");
}

static void skip(int number, siginfo_t *info, void *context) {
  handler(number, info, context);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void done(void) {
  printf("return %d, frame %d, rcx %d\n", mine(returned_to), mine(frame_rip), rcx_after == next_rip);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, NULL);
  for (int i = 0; i < 3; i++) {
    look_at_return();
    look_at_syscall();
    look_at_frame();
  }
  done();
  return 0;
}
