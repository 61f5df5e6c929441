// SPDX-License-Identifier: GPL-3.0-only
// A thread reads byte after byte by a system call of its own, and waits in each while the first thread runs on.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { bytes = 12, rounds = 5 };
static int ends[2];
static volatile pid_t reader;
static int wrong;

static void *read_all(void *unused) {
  char byte;
  reader = gettid();
  for (int i = 0; i < bytes; i++) {
    long result;
    __asm__ volatile(".globl reading\nreading: syscall"
                     : "=a"(result)
                     : "a"(0L), "D"((long)ends[0]), "S"(&byte), "d"(1L)
                     : "rcx", "r11", "memory");
    wrong += result != 1;
  }
  return unused;
}

// Returns when the thread is in read, system call 0.
static void wait_for_read(void) {
  char path[64], text[2] = "";
  while (reader == 0) {}
  while (memcmp(text, "0 ", 2) != 0) {
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", reader);
    FILE *file = fopen(path, "r");
    wrong += fread(text, 1, 2, file) != 2;
    fclose(file);
  }
}

int main(void) {
  pthread_t thread;
  wrong += pipe(ends) != 0;
  pthread_create(&thread, NULL, read_all, NULL);
  for (int i = 0; i < bytes; i++) {
    for (int round = 0; round < rounds; round++) wait_for_read();
    wrong += write(ends[1], "x", 1) != 1;
  }
  pthread_join(thread, NULL);
  printf("wrong: %d\n", wrong);
  return 0;
}
