// SPDX-License-Identifier: GPL-3.0-only
// Threads that sort, hash and search pieces of their own, meet at barriers and share a table behind locks.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 60000, BUCKETS = 64 };

static int count, rounds;
static pthread_barrier_t barrier;
static struct {
  pthread_mutex_t lock;
  uint64_t sum;
} buckets[BUCKETS];

static int byValue(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void *work(void *argument) {
  uint32_t seed = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
  uint32_t *values = malloc(WORDS * sizeof *values);
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < WORDS; i++) values[i] = seed = seed * 1664525 + 1013904223;
    qsort(values, WORDS, sizeof *values, byValue);
    for (int i = 0; i < WORDS; i += 16) {
      uint32_t key = values[(i * 7) % WORDS];
      uint32_t *found = bsearch(&key, values, WORDS, sizeof *values, byValue);
      pthread_mutex_lock(&buckets[key % BUCKETS].lock);
      buckets[key % BUCKETS].sum += (uint64_t)(found - values) * (key | 1);
      pthread_mutex_unlock(&buckets[key % BUCKETS].lock);
    }
    pthread_barrier_wait(&barrier);
  }
  free(values);
  return NULL;
}

int main(int argc, char **argv) {
  count = argc > 1 ? atoi(argv[1]) : 2;
  rounds = argc > 2 ? atoi(argv[2]) : 100;
  pthread_barrier_init(&barrier, NULL, (unsigned)count);
  for (int i = 0; i < BUCKETS; i++) pthread_mutex_init(&buckets[i].lock, NULL);
  pthread_t threads[64];
  for (int i = 0; i < count && i < 64; i++) pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1));
  for (int i = 0; i < count && i < 64; i++) pthread_join(threads[i], NULL);
  uint64_t sum = 0;
  for (int i = 0; i < BUCKETS; i++) sum ^= buckets[i].sum;
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
