// SPDX-License-Identifier: GPL-3.0-only
// groups: registers syscall hard
// build: -O1 -mfsgsbase -pthread
// A program that uses %gs for itself, by arch_prctl and by wrgsbase, also in threads and over a
// fork; and operands through %fs and %gs in several forms.
#include "check.h"
#include <errno.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { setGS = 0x1001, setFS = 0x1002, getFS = 0x1003, getGS = 0x1004 };
static uint64_t block[8], second[8];

static uint64_t throughGS(void) {
  uint64_t value, index = 2;
  __asm__ volatile("mov %%gs:8, %0" : "=r"(value));
  uint64_t sum = value;
  __asm__ volatile("mov %%gs:(,%1,8), %0" : "=r"(value) : "r"(index));
  sum = sum * 10 + value;
  __asm__ volatile("addq $1, %%gs:24\n mov %%gs:24, %0" : "=r"(value) : : "memory", "cc");
  sum = sum * 10 + value;
  __asm__ volatile("push %%gs:32\n pop %0\n" : "=r"(value));
  sum = sum * 10 + value;
  __asm__ volatile("movq %%gs:40, %%xmm0\n movq %%xmm0, %0" : "=r"(value) : : "xmm0");
  return sum * 10 + value;
}

static void fill(uint64_t *at, uint64_t from) {
  for (int i = 0; i < 8; i++) at[i] = from + i;
}

static void *inThread(void *argument) {
  uint64_t base = 1, own[8];
  syscall(SYS_arch_prctl, getGS, &base);
  CHECK_EQUAL(base, argument);  // A new thread has its parent's.
  fill(own, 2);
  CHECK(syscall(SYS_arch_prctl, setGS, own) == 0);
  CHECK_EQUAL(throughGS(), 34667);
  return NULL;
}

int main(void) {
  uint64_t base = 1, self;
  CHECK(syscall(SYS_arch_prctl, getGS, &base) == 0 && base == 0);
  CHECK(syscall(SYS_arch_prctl, getGS, -4L) == -1 && errno == EFAULT);
  fill(block, 1);
  CHECK(syscall(SYS_arch_prctl, setGS, block) == 0);
  CHECK_EQUAL(throughGS(), 23556);
  CHECK(syscall(SYS_arch_prctl, getGS, &base) == 0 && base == (uint64_t)block);
  CHECK(syscall(SYS_arch_prctl, getFS, &base) == 0);
  __asm__ volatile("mov %%fs:0, %0" : "=r"(self));
  CHECK_EQUAL(self, base);
  pthread_t thread;
  pthread_create(&thread, NULL, inThread, block);
  pthread_join(thread, NULL);
  fill(block, 1);
  CHECK_EQUAL(throughGS(), 23556);
  fflush(stdout);
  pid_t child = fork();
  if (!child) {
    fill(block, 1);
    _exit(throughGS() == 23556 ? 7 : 8);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
  if (getauxval(AT_HWCAP2) & 2) {
    fill(second, 0);
    _writegsbase_u64((uint64_t)second);
    CHECK_EQUAL(_readgsbase_u64(), second);
    CHECK_EQUAL(_readfsbase_u64(), base);
    CHECK_EQUAL(throughGS(), 12445);
  } else
    checksMade += 3;
  uint64_t selector;
  __asm__ volatile("mov %%gs, %0" : "=r"(selector));
  CHECK_EQUAL(selector & 0xffff, 0);
  return verdict();
}
