// SPDX-License-Identifier: GPL-3.0-only
// groups: thread bounds
// build: -O1 -pthread
// limit: 90
// flush: 200
// counts: threads, at most >= 1001
// A thousand threads at the same time, each with calls, indirect branches and system calls of its own,
// and then some more.
#include "check.h"
#include <pthread.h>

enum { count = 1000, waves = 2 };
typedef uint64_t (*Step)(uint64_t);
static uint64_t first(uint64_t x) { return x * 3 + 1; }
static uint64_t second(uint64_t x) { return x ^ (x >> 3); }
static uint64_t third(uint64_t x) { return x + 0x9e3779b9; }
static const Step steps[] = {first, second, third};
static pthread_barrier_t all;

static uint64_t work(uint64_t seed) {
  for (int i = 0; i < 300; i++) seed = steps[seed % 3](seed);
  return seed;
}

static void *run(void *argument) {
  uint64_t seed = (uintptr_t)argument, result = work(seed);
  pthread_barrier_wait(&all);
  // All are there now.
  result ^= (uint64_t)(getppid() > 0);
  return (void *)(uintptr_t)(result ^ work(seed));
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  static pthread_t threads[count];
  for (int wave = 0; wave < waves; wave++) {
    pthread_barrier_init(&all, NULL, count);
    int made = 0, good = 0;
    for (uintptr_t i = 0; i < count; i++)
      made += pthread_create(threads + i, &attributes, run, (void *)(i + 1)) == 0;
    CHECK_EQUAL(made, count);
    if (made < count) return verdict();  // Those that were made would wait for ever.
    for (int i = 0; i < count; i++) {
      void *result = NULL;
      good += pthread_join(threads[i], &result) == 0 && (uintptr_t)result == 1;
    }
    CHECK_EQUAL(good, count);
    pthread_barrier_destroy(&all);
  }
  return verdict();
}
