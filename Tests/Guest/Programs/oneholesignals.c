// SPDX-License-Identifier: GPL-3.0-only
// groups: memory thread signal
// build: -O1 -pthread
// As onehole, while signals come to all threads: who stands before one has to be let go on by the same thread of the
// server that waits for the arena.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { threads = 4, rounds = 6 };
static const uint64_t first = 0x300000000000, apart = 0x1000000000, around = 0x80000000;
static const uint64_t hole = 0x40000000, room = 0x10000000;
static uint32_t (*_Atomic code)(void);
static atomic_int arrived, returned;
static atomic_uint sum;
static atomic_int over;

static void handler(int signal) {
  (void)signal;
}

static void *disturb(void *argument) {
  pthread_t *all = argument;
  for (int next = 0; !over; next++) {
    pthread_kill(all[next % threads], SIGUSR1);
    if (next % threads == 0) usleep(20);
  }
  return argument;
}

static void *come(void *unused) {
  for (uint32_t round = 1; round <= rounds; round++) {
    arrived++;
    while (arrived < (int)round * (threads + 1)) {
    }
    sum += code();
  }
  returned++;
  while (!over) usleep(100);
  return unused;
}

static int prepare(uint64_t place, uint32_t number) {
  uint8_t text[] = {0xb8, 0, 0, 0, 0, 0xc3};  // mov number, %eax; ret
  memcpy(text + 1, &number, 4);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *all = mmap((void *)(place - around), 2 * around, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
  if (all != (void *)(place - around) || munmap((void *)(place - hole), room) != 0) return 0;
  if (mprotect((void *)place, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return 0;
  memcpy((void *)place, text, sizeof text);
  return 1;
}

int main(void) {
  pthread_t thread[threads], disturber;
  CHECK(signal(SIGUSR1, handler) != SIG_ERR);
  for (int i = 0; i < threads; i++) CHECK_EQUAL(pthread_create(thread + i, NULL, come, NULL), 0);
  CHECK_EQUAL(pthread_create(&disturber, NULL, disturb, thread), 0);
  uint32_t expected = 0;
  for (uint32_t round = 1; round <= rounds; round++) {
    while (arrived < (int)(round - 1) * (threads + 1) + threads) {
    }
    uint64_t place = first + round * apart;
    CHECK(prepare(place, round));
    code = (uint32_t (*)(void))place;
    expected += threads * round;
    arrived++;
  }
  while (returned < threads) {
  }
  over = 1;
  pthread_join(disturber, NULL);
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  CHECK_EQUAL(sum, expected);
  return verdict();
}
