// SPDX-License-Identifier: GPL-3.0-only
// groups: threads memory relocation
// build: -O1 -pthread
// limit: 60
// options: --torture relocate=4
// Threads have the kernel place pieces of memory, which it does where xv would like to have the arena for the
// libraries. That arena goes with each move and comes back with the next call of a library: never in place of a
// piece that came there meanwhile.
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { threads = 4, enough = 40000 };
static const size_t room = 256u << 20, step = 16u << 20;
static atomic_int over, placed;

// Not the library's, which would need that arena itself.
static long call(long number, uintptr_t first, uintptr_t second, long third, long fourth) {
  long result;
  register long r10 __asm__("r10") = fourth, r8 __asm__("r8") = -1, r9 __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static uintptr_t map(size_t size) {
  return (uintptr_t)call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
}

static void *run(void *unused) {
  (void)unused;
  uintptr_t bad = 0;
  while (!over) {
    uintptr_t piece = map(room);
    if ((intptr_t)piece < 0) return (void *)1;
    for (uintptr_t at = piece; at < piece + room; at += 4 * step) *(uintptr_t *)at = at;
    for (uintptr_t at = piece; at < piece + room; at += 4 * step) bad += *(uintptr_t *)at != at;
    call(SYS_munmap, piece, room, 0, 0);
    placed++;
  }
  return (void *)bad;
}

int main(void) {
  // What lies between the libraries and the place for their arena is taken.
  while ((uintptr_t)mmap - map(step) < 36 * step) {
  }
  pthread_t thread[threads];
  for (int i = 0; i < threads; i++) CHECK_EQUAL(pthread_create(&thread[i], NULL, run, NULL), 0);
  // The library is called until enough pieces have come and gone.
  while (placed < enough) getppid();
  over = 1;
  for (int i = 0; i < threads; i++) {
    void *bad;
    CHECK_EQUAL(pthread_join(thread[i], &bad), 0);
    CHECK_EQUAL((uintptr_t)bad, 0);
  }
  return verdict();
}
