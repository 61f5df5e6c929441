// SPDX-License-Identifier: GPL-3.0-only
// Code made at run time that becomes hot, is stopped in, and is rewritten by the program and by gdb.
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef long (*Function)(long);
static unsigned char *page;

// lea rax, [rdi+value] ; ret
static Function put(int value) {
  unsigned char code[] = {0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3};
  memcpy(code + 3, &value, 4);
  memcpy(page, code, sizeof code);
  return (Function)page;
}

static long heat(Function function, int count) {
  long sum = 0;
  for (int i = 0; i < count; i++) sum += function(i) - i;
  return sum;
}

void rest(long sum) {
  printf("%ld\n", sum);
  fflush(stdout);
}

int main(void) {
  page = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (int i = 1; i <= 4; i++) {
    Function function = put(i);
    rest(heat(function, 50000));
    rest(heat(function, 5));
  }
  return 0;
}
