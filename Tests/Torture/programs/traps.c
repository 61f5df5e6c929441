// SPDX-License-Identifier: GPL-3.0-only
// Traps of the program's own, many of them and in several threads: int3 in both forms, ud2, hlt, a division by zero, the trap
// flag; the handlers go on behind the instruction, or count the steps.
#include "check.h"
#include <pthread.h>
#include <ucontext.h>

enum { THREADS = 4, ROUNDS = 200 };

static __thread long traps, illegal, faults, divisions, steps;
static __thread uint64_t stepHash;
static __thread int isStepping;

static void handle(int number, siginfo_t *information, void *data) {
  ucontext_t *context = data;
  greg_t *rip = &context->uc_mcontext.gregs[REG_RIP];
  switch (number) {
    case SIGTRAP:
      if (isStepping) {
        steps++;
        stepHash = mix(stepHash, (uint64_t)context->uc_mcontext.gregs[REG_RAX]);
        CHECK_EQUAL(information->si_addr, *rip);
      } else {
        traps++;  // rip stands behind the instruction.
      }
      break;
    case SIGILL:
      illegal++;
      CHECK_EQUAL(information->si_addr, *rip);
      *rip += 2;
      break;
    case SIGSEGV:
      faults++;
      *rip += 1;
      break;
    case SIGFPE:
      divisions++;
      CHECK_EQUAL(information->si_code, FPE_INTDIV);
      *rip += 2;
      break;
  }
}

static void *trap(void *argument) {
  long sum = 0;
  for (int i = 0; i < ROUNDS; i++) {
    __asm__ volatile("int3\n inc %0\n .byte 0xcd, 3\n inc %0\n ud2\n inc %0\n hlt\n inc %0" : "+r"(sum) : : "cc");
    int quotient = 7, remainder = 0;
    __asm__ volatile("div %2" : "+a"(quotient), "+d"(remainder) : "c"(0) : "cc");
    sum += quotient;
  }
  CHECK_EQUAL(sum, ROUNDS * 11);
  CHECK_EQUAL(traps, ROUNDS * 2);
  CHECK_EQUAL(illegal, ROUNDS);
  CHECK_EQUAL(faults, ROUNDS);
  CHECK_EQUAL(divisions, ROUNDS);
  uint64_t first = 0;
  for (int i = 0; i < 10; i++) {
    stepHash = MIX_SEED;
    steps = 0;
    isStepping = 1;
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp\n pushf\n orl $0x100, (%%rsp)\n popf\n"
        "mov $3, %%eax\n 1: imul %%eax, %%eax\n add $5, %%eax\n dec %%ecx\n jnz 1b\n call 2f\n jmp 3f\n"
        "2: push %%rax\n pop %%rax\n ret\n"
        "3: pushf\n andl $~0x100, (%%rsp)\n popf\n lea 128(%%rsp), %%rsp"
        : : "c"(10) : "rax", "cc", "memory");
    isStepping = 0;
    if (!first) first = stepHash;
    CHECK_EQUAL(stepHash, first);
    // mov, ten rounds of four, call, push, pop, ret, jmp, pushf, and, popf.
    CHECK(steps >= 47 && steps <= 50);
  }
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  for (int i = 0; i < 4; i++) sigaction((int[]){SIGTRAP, SIGILL, SIGSEGV, SIGFPE}[i], &action, NULL);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, trap, NULL);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  return verdict();
}
