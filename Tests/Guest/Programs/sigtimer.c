// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// relocate: 12
// build: -O2
// A timer signal each millisecond while code of every kind computes: the results are those of the
// undisturbed run, and the handler sees rip in mapped program text and a sane stack.
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile int ticks, strange;
extern char __executable_start[], etext[];
static uint64_t top;

static void tick(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  uint64_t rip = u->uc_mcontext.gregs[REG_RIP], rsp = u->uc_mcontext.gregs[REG_RSP];
  ticks++;
  (void)number, (void)info;
  // Either in this program or in a library or the vdso, which lie far above it; never between.
  if (rip < (uint64_t)__executable_start || rsp > top || top - rsp > 1 << 20) strange++;
  if (rip > (uint64_t)etext && rip < (uint64_t)etext + (1 << 26)) strange++;
}

typedef uint64_t (*Step)(uint64_t);
static uint64_t one(uint64_t x) { return x * 3 + 1; }
static uint64_t two(uint64_t x) { return x ^ x >> 7; }
static uint64_t three(uint64_t x) { return x + (x << 5); }
static uint64_t four(uint64_t x) { return __builtin_bswap64(x) - 9; }
static Step const volatile steps[] = {one, two, three, four};

__attribute__((noinline)) static uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint64_t compute(void) {
  uint64_t hash = MIX_SEED;
  static char from[4096], to[4096];
  for (int i = 0; i < 4000; i++) {
    hash = steps[hash & 3](hash);
    memset(from, (int)hash, sizeof from);
    memcpy(to, from, sizeof to);
    __asm__ volatile("rep movsb" : : "S"(to), "D"(from), "c"(2000L) : "memory");
    double d = (double)(int64_t)hash;
    for (int k = 0; k < 20; k++) d = d * 0.999 + k;
    hash = mix(hash, (uint64_t)(int64_t)d + (uint64_t)to[hash & 4095]);
    if (i % 16 == 0) hash += fib(12) + (uint64_t)getppid();
    hash -= i % 16 == 0 ? (uint64_t)getppid() : 0;
  }
  return hash;
}

int main(void) {
  char here;
  top = (uint64_t)&here + 4096;
  uint64_t quiet = compute();
  struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval each = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &each, NULL);
  int rounds = 0;
  while (ticks < 300 && rounds++ < 2000) CHECK_EQUAL(compute(), quiet);
  memset(&each, 0, sizeof each);
  setitimer(ITIMER_REAL, &each, NULL);
  CHECK(ticks >= 300);
  CHECK_EQUAL(strange, 0);
  printf("%016lx\n", quiet);
  puts(checksFailed ? "bad" : "good");
  return checksFailed != 0;
}
