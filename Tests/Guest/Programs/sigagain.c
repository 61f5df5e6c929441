// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// A signal frame that is returned from more than once: a copy of one, of which the program knows where it is.
#include "check.h"
#include <sys/syscall.h>
#include <ucontext.h>

static char frame[sizeof(ucontext_t) + 256] __attribute__((aligned(64)));

static void keep(int number, siginfo_t *information, void *data) {
  (void)number, (void)information;
  ucontext_t *kept = memcpy(frame, data, sizeof frame);
  kept->uc_mcontext.fpregs = NULL;  // vector registers as at the start of a program
}

int main(void) {
  struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR2, &action, NULL);
  volatile int times = 0;
  volatile greg_t rip = 0;
  // Not by a function: its return address would lie below the stack pointer when it returns again.
  long sent = SYS_tgkill;
  __asm__ volatile("syscall" : "+a"(sent) : "D"(getpid()), "S"(getpid()), "d"(SIGUSR2) : "rcx", "r11", "memory");
  ucontext_t *kept = (ucontext_t *)frame;
  if (times++ == 0) rip = kept->uc_mcontext.gregs[REG_RIP];
  if (times < 50)
    __asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall\n ud2" : : "r"(frame) : "memory");
  CHECK_EQUAL(times, 50);
  CHECK_EQUAL(kept->uc_mcontext.gregs[REG_RIP], rip);
  return verdict();
}
