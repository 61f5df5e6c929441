// SPDX-License-Identifier: GPL-3.0-only
// User-mode paging as a virtual machine does it: a handler of SIGSEGV opens the page and the access is made again, or leads
// the thread to another place (implicit null checks, safepoint polls by a page's protection), in several threads at once.
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGES = 512, THREADS = 6, ROUNDS = 6 };

static char *memory;
static long mended, nulls, polls;
static char *pollPage;
extern char nullCheck[], nullTarget[], pollCheck[];
long valueOrMinusOne(const long *pointer);
long pollLoop(const char *page, long rounds);

// An access through a null pointer becomes a return of -1; the poll's load is skipped (two bytes).
__asm__(
    "valueOrMinusOne: xor %ecx, %ecx\nnullCheck: mov (%rdi), %rax\n ret\n"
    "nullTarget: mov $-1, %rax\n ret\n"
    "pollLoop: xor %eax, %eax\n1: inc %rax\npollCheck: testl %eax, (%rdi)\n dec %rsi\n jnz 1b\n ret\n");

static void handle(int number, siginfo_t *information, void *data) {
  (void)number;
  ucontext_t *context = data;
  greg_t *rip = &context->uc_mcontext.gregs[REG_RIP];
  char *address = information->si_addr;
  if (*rip == (greg_t)nullCheck && address < (char *)4096) {
    *rip = (greg_t)nullTarget;
    __atomic_add_fetch(&nulls, 1, __ATOMIC_RELAXED);
  } else if (address >= pollPage && address < pollPage + 4096) {
    CHECK(*rip == (greg_t)pollCheck);
    *rip += 2;
    __atomic_add_fetch(&polls, 1, __ATOMIC_RELAXED);
  } else if (address >= memory && address < memory + PAGES * 4096) {
    mprotect((char *)((uintptr_t)address & ~4095ul), 4096, PROT_READ | PROT_WRITE);
    __atomic_add_fetch(&mended, 1, __ATOMIC_RELAXED);
  } else {
    _exit(77);
  }
}

static void *mutate(void *argument) {
  long me = (intptr_t)argument, sum = 0;
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  for (int round = 0; round < ROUNDS; round++) {
    for (int page = 0; page < PAGES; page++) {
      long *word = (long *)(memory + page * 4096) + me;
      *word += page;
      sum += *word;
      if (page % 16 == me) sum += valueOrMinusOne(page % 32 == me ? NULL : &sum) == -1;
    }
    sum += pollLoop(pollPage, 10);
    // Closed again under everybody's feet.
    if (me == round) mprotect(memory, PAGES * 4096, PROT_NONE);
  }
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, NULL);
  return (void *)sum;
}

int main(void) {
  memory = mmap(NULL, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pollPage = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, NULL);
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, mutate, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    CHECK(result != NULL);
  }
  for (int page = 0; page < PAGES; page++)
    for (int i = 0; i < THREADS; i++)
      CHECK_EQUAL(((long *)(memory + page * 4096))[i], (long)page * ROUNDS);
  CHECK(mended >= PAGES);
  CHECK_EQUAL(nulls, THREADS * ROUNDS * PAGES / 32);
  CHECK_EQUAL(polls, THREADS * ROUNDS * 10);
  return verdict();
}
