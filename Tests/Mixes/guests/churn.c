// SPDX-License-Identifier: GPL-3.0-only
// Sixteen threads that end all the time and are made anew, until somebody sets `enough`. Each checks its own
// arithmetic; all of them pass `met`, where exactly one instruction counts.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 16 };

volatile int enough;
atomic_long entered;
static atomic_int wrong;
static _Thread_local long own;

extern char met[];

static __attribute__((noinline)) void meet(void) {
  __asm__ volatile(".globl met\nmet:\tlock incq %0" : "+m"(entered) : : "memory", "cc");
}

static __attribute__((noinline)) unsigned mix(unsigned value) {
  for (int i = 0; i < 200; i++) value = (value << 7 | value >> 25) * 2654435761u + 12345u;
  return value;
}

static void *work(void *argument) {
  unsigned seed = (unsigned)(long)argument;
  unsigned expected = mix(seed);
  for (int round = 0; round < 20 + (int)(seed % 30) && !enough; round++) {
    own++;
    meet();
    char *piece = malloc(64 + round);
    if (mix(seed) != expected || own != round + 1 || !piece) wrong++;
    free(piece);
  }
  return 0;
}

int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, work, (void *)i);
  for (long i = THREADS; !enough; i++) {
    pthread_join(threads[i % THREADS], 0);
    pthread_create(&threads[i % THREADS], 0, work, (void *)i);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
  printf("wrong: %d\n", wrong);
  return wrong != 0;
}
