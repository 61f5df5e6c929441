// SPDX-License-Identifier: GPL-3.0-only
// Recursion, a switch through a table, floating point, strings, the heap, sorting by callback.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint32_t interpret(const char *code, uint32_t value) {
  for (; *code; code++) {
    switch (*code) {
    case '+': value += 7; break;
    case '-': value -= 3; break;
    case '*': value *= 5; break;
    case '^': value ^= value >> 13; break;
    case '<': value <<= 1; break;
    case '>': value = value >> 3 | value << 29; break;
    case '~': value = ~value; break;
    default: value = __builtin_bswap32(value); break;
    }
  }
  return value;
}

static int compare(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

int main(void) {
  printf("fib %u\n", fib(24));
  uint32_t value = 1;
  for (int i = 0; i < 3000; i++)
    value = interpret("+*^<~>-?*+^", value + i);
  printf("interpret %u\n", value);

  double sum = 0;
  for (int i = 1; i < 2000; i++)
    sum += sin(i) / sqrt(i) + fmod(i, 7.5) + (double)((long double)i / 3);
  printf("sum %.12f\n", sum);

  int *numbers = malloc(5000 * sizeof *numbers);
  for (int i = 0; i < 5000; i++)
    numbers[i] = (int)((uint32_t)i * 2654435761u >> 8);
  qsort(numbers, 5000, sizeof *numbers, compare);
  printf("sorted %d %d %d\n", numbers[0], numbers[2500], numbers[4999]);
  free(numbers);

  char text[4096] = "";
  for (int i = 0; i < 100; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%x;", i, i * i);
  printf("text %zu %s\n", strlen(text), strrchr(text, ','));
  unsigned long long div = 0;
  for (unsigned long long i = 1; i < 500; i++)
    div += 0xFFFFFFFFFFFFULL / i + 0x123456789ABCULL % i;
  printf("div %llu\n", div);
  return 0;
}
