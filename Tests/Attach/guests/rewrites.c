// SPDX-License-Identifier: GPL-3.0-only
// Changes code that it may not write to, through a descriptor of /proc/self/mem that it has had open for long.
#include "attach.h"

static int wrong;

__attribute__((noinline)) void changed(int value, int result) {
  if (result != value) wrong++;
  __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv) {
  begin(argc, argv);
  // mov eax, value ; ret
  unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(code != MAP_FAILED);
  memcpy(code, (unsigned char[]){0xb8, 0, 0, 0, 0, 0xc3}, 6);
  CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
  int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  CHECK(memory >= 0);
  ready();
  uint64_t rounds = 0;
  do {
    int value = (int)++rounds;
    CHECK(pwrite(memory, &value, sizeof value, (off_t)(uintptr_t)code + 1) == sizeof value);
    changed(value, ((int (*)(void))code)());
    atomic_store(progress, rounds);
  } while (!told_to_end());
  CHECK(wrong == 0);
  succeed();
}
