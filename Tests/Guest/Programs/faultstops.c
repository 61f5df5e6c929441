// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread
// options: --torture relocate=10
// Threads that fault while all are stopped: the stop that xv asks for is told before the signal that the fault has raised
// already, and the signal must still say where and why.
#include "check.h"
#include <pthread.h>
#include <ucontext.h>

enum { THREADS = 12, ROUNDS = 200 };

static __thread long caught;

static void handle(int number, siginfo_t *information, void *data) {
  ucontext_t *context = data;
  greg_t *rip = &context->uc_mcontext.gregs[REG_RIP];
  CHECK_EQUAL(number, SIGILL);
  CHECK_EQUAL(information->si_code, ILL_ILLOPN);
  CHECK_EQUAL(information->si_addr, *rip);
  caught++;
  *rip += 2;
}

static void *fault(void *argument) {
  for (int i = 0; i < ROUNDS; i++) __asm__ volatile("ud2");
  CHECK_EQUAL(caught, ROUNDS);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, NULL);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, fault, NULL);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  return verdict();
}
