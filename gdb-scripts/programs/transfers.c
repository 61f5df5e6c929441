// SPDX-License-Identifier: GPL-3.0-only
// Indirect transfers at named places, while another thread waits: what is thrown away then is thrown away when all
// stand still.
#include <pthread.h>
#include <unistd.h>

void turn(void *target, int round);
__asm__(".text\n"
        "turn:\n"
        "  mov %esi, %eax\n"
        "at_call:\n"
        "  call *%rdi\n"
        "  lea 1f(%rip), %rdx\n"
        "at_jump:\n"
        "  jmp *%rdx\n"
        "  nop\n"
        "1:\n"
        "  add $1, %eax\n"
        "at_return:\n"
        "  ret\n");

static void first(void) { __asm__ volatile("" : : : "memory"); }
static void second(void) { __asm__ volatile("" : : : "memory"); }

static void finished(void) {}

static void *wait_for_end(void *unused) {
  for (;;) pause();
  return unused;
}

int main(void) {
  pthread_t other;
  pthread_create(&other, NULL, wait_for_end, NULL);
  for (int round = 0; round < 12; round++) turn(round % 2 ? (void *)first : (void *)second, round);
  finished();
  return 0;
}
