// SPDX-License-Identifier: GPL-3.0-only
// groups: flow
// build: -O1
// setjmp and longjmp over many frames, and coroutines on their own stacks by swapcontext.
#include "check.h"
#include <setjmp.h>
#include <ucontext.h>

static jmp_buf place;

#pragma GCC diagnostic ignored "-Winfinite-recursion"
__attribute__((noinline)) static int descend(int depth, int value) {
  volatile int room = depth;
  if (depth == 0) longjmp(place, value);
  return descend(depth - 1, value) + room;
}

enum { coroutines = 5, turns = 200 };
static ucontext_t mainContext, contexts[coroutines];
static char stacks[coroutines][32768];
static uint64_t trace = MIX_SEED;

static void body(int number) {
  for (int turn = 0; turn < turns; turn++) {
    trace = mix(trace, number * 1000 + turn);
    int next = (number + 1 + turn % 3) % coroutines;
    if (next == number) continue;
    swapcontext(&contexts[number], turn % 7 == 6 ? &mainContext : &contexts[next]);
  }
}

int main(void) {
  volatile int sum = 0;
  for (volatile int i = 1; i < 1000; i++) {
    int got = setjmp(place);
    if (!got) descend(i % 50, i);
    sum += got;
  }
  CHECK_EQUAL(sum, 999 * 1000 / 2);
  for (int i = 0; i < coroutines; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks[i];
    contexts[i].uc_stack.ss_size = sizeof stacks[i];
    contexts[i].uc_link = &mainContext;
    makecontext(&contexts[i], (void (*)(void))body, 1, i);
  }
  for (volatile int i = 0; i < 100; i++) swapcontext(&mainContext, &contexts[i % coroutines]);
  printf("%016lx\n", trace);
  return verdict();
}
