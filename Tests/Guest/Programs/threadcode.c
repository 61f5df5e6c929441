// SPDX-License-Identifier: GPL-3.0-only
// groups: thread smc
// build: -O1 -pthread
// Eight threads write code of their own and run it, in pages they share, while others fork and exec.
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

typedef uint64_t (*Code)(uint64_t);
static unsigned char *pages;

static void *work(void *argument) {
  uint64_t number = (uint64_t)argument, wrong = 0;
  unsigned char *mine = pages + number * 64;
  for (uint32_t i = 0; i < 500; i++) {
    uint32_t value = i * 8 + (uint32_t)number;
    mine[0] = 0xb8;  // mov $value,%eax; add %rdi,%rax; ret
    memcpy(mine + 1, &value, 4);
    memcpy(mine + 5, "\x48\x01\xf8\xc3", 4);
    wrong += ((Code)mine)(i) != value + i;
  }
  return (void *)wrong;
}

static void *children(void *argument) {
  uint64_t wrong = 0;
  for (int i = 0; i < 5; i++) {
    int status = -1;
    pid_t child = fork();
    if (!child) {
      if (i & 1) execl("/bin/sh", "sh", "-c", "exit 7", NULL);
      _exit(7);
    }
    wrong += waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7;
  }
  (void)argument;
  return (void *)wrong;
}

int main(void) {
  pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_t all[10];
  for (uint64_t i = 0; i < 8; i++) CHECK(pthread_create(&all[i], NULL, work, (void *)i) == 0);
  for (uint64_t i = 8; i < 10; i++) CHECK(pthread_create(&all[i], NULL, children, NULL) == 0);
  for (int i = 0; i < 10; i++) {
    void *wrong = (void *)99;
    CHECK(pthread_join(all[i], &wrong) == 0);
    CHECK_EQUAL(wrong, 0);
  }
  return verdict();
}
