// SPDX-License-Identifier: GPL-3.0-only
// groups: signal registers
// build no-pie: -O1 -no-pie
// Timer signals while registers hold any number of 32 bits. In a program below 2 GiB xv's own addresses are such numbers, too,
// and one that is the program's must not be taken for xv's.
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

enum { wantedTicks = 1500 };
static volatile sig_atomic_t ticks;
static uint64_t numbers[2];
extern char waitBegin[], waitEnd[];

// How often it is done differs from run to run.
static void compare(uint64_t found, uint64_t expected) {
  if (found != expected) CHECK_EQUAL(found, expected);
}

static void tick(int number, siginfo_t *information, void *data) {
  ucontext_t *context = data;
  greg_t *registers = context->uc_mcontext.gregs;
  (void)number, (void)information;
  if (registers[REG_RIP] < (greg_t)waitBegin || registers[REG_RIP] >= (greg_t)waitEnd) return;
  ticks++;
  compare(registers[REG_RCX], numbers[0]);
  compare(registers[REG_RDX], numbers[1]);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval often = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &often, NULL);
  uint32_t seed = 1;
  while (ticks < wantedTicks) {
    for (int i = 0; i < 2; i++) numbers[i] = seed = seed * 1664525 + 1013904223;
    uint64_t left[2];
    __asm__ volatile(
        "mov $20000, %%eax\n"
        "waitBegin: dec %%eax\n jnz waitBegin\n"
        "waitEnd: nop"
        : "=c"(left[0]), "=d"(left[1])
        : "c"(numbers[0]), "d"(numbers[1])
        : "rax", "cc", "memory");
    for (int i = 0; i < 2; i++) compare(left[i], numbers[i]);
  }
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  return verdict();
}
