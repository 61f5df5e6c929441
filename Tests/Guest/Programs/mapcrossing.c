// SPDX-License-Identifier: GPL-3.0-only
// groups: threads memory smc
// build: -O1 -pthread
// limit: 60
// flush: 50
// guard: no
// Threads that make code, run it and give its memory back: the kernel gives the same place to another one before the
// first knows that it is gone. (--guard cannot ask the kernel's map, which is how that is told apart.)
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { THREADS = 4, ROUNDS = 4000, PAGE = 4096 };

static void *make(void *which) {
  // Natively %gs is the program's own; a thread that nobody translates any more has lost it.
  unsigned long mark = 1000 + (unsigned long)which, word;
  CHECK_EQUAL(syscall(SYS_arch_prctl, 0x1001L, &mark), 0);
  for (int round = 0; round < ROUNDS; round++) {
    unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char code[] = {0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3};  // lea rax, [rdi+value] ; ret
    int value = round * THREADS + (int)(long)which;
    memcpy(code + 3, &value, 4);
    memcpy(p, code, sizeof code);
    long result = ((long (*)(long))p)(0);
    if (result != value) CHECK_EQUAL(result, value);
    munmap(p, PAGE);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(word));
    if (word != mark) {
      CHECK_EQUAL(word, mark);
      break;
    }
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, make, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  return verdict();
}
