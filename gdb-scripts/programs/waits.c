// SPDX-License-Identifier: GPL-3.0-only
// Says that it is ready (by opening the FIFO that its first argument names), then spins or blocks.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile int go_on;
volatile unsigned long rounds;
char byte;

static void spin(int ready) {
  while (!go_on)
    if (++rounds == 1000)
      close(ready);
}

static long block(int from) {
  return read(from, &byte, 1);
}

int main(int argc, char **argv) {
  int pipes[2];
  if (argc < 3 || pipe(pipes) != 0)
    return 2;
  int ready = open(argv[1], O_WRONLY);
  long got = 0;
  if (strcmp(argv[2], "spin") == 0) {
    spin(ready);
  } else {
    close(ready);
    got = block(pipes[0]);
  }
  printf("went on, rounds %d, got %ld\n", rounds > 0, got);
  return 0;
}
