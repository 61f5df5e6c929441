// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread relocation
// build: -O1 -pthread
// limit: 60
// A thread of a process that job control stops calls functions that lie far from each other: a translator has to make room for
// its code near each of them, and stops all threads for that. The stop comes in the midst of it.
#include "stopped.h"
#include <sys/mman.h>

enum { THREADS = 3, PLACES = 14, STOPS = 120, SPINS = 20000 };
static int (*functions[PLACES])(void);

static void *spin(void *number) {
  for (unsigned i = 1;; i++)
    if (i % SPINS == 0) advance((char)(long)number);
  return NULL;
}

static void run(void) {
  pthread_t thread;
  for (long i = 1; i < THREADS; i++) pthread_create(&thread, NULL, spin, (void *)i);
  for (;;) {
    for (int i = 0; i < PLACES; i++)
      if (functions[i]() != 42) _exit(1);
    advance(0);
  }
}

int main(void) {
  const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42 ; ret
  for (long i = 0; i < PLACES; i++) {
    void *place = mmap((void *)(0x100000000000 + (i << 40)), 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(place != MAP_FAILED);
    memcpy(place, code, sizeof code);
    functions[i] = (int (*)(void))place;
  }
  return stopAgainAndAgain(run, STOPS, THREADS);
}
