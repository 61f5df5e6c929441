// SPDX-License-Identifier: GPL-3.0-only
// Code that the program may write, and reads.
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

// mov eax, edi; add eax, 1; add eax, 2; ret
static const unsigned char text[] = {0x89, 0xf8, 0x83, 0xc0, 0x01, 0x83, 0xc0, 0x02, 0xc3};
unsigned char *code;

static int sum_of(const unsigned char *bytes, int size) {
  int sum = 0;
  for (int i = 0; i < size; i++)
    sum += bytes[i];
  return sum;
}

int main(void) {
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, text, sizeof text);
  int (*function)(int) = (int (*)(int))code;
  int result = 0;
  for (int i = 0; i < 3; i++)
    result += function(i);
  int sum = sum_of(code, sizeof text);
  code[4] = 5;
  result += function(0);
  printf("%d %d\n", result, sum);
  return 0;
}
