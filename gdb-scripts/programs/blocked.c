// SPDX-License-Identifier: GPL-3.0-only
// A thread that is in read(2) all the time, while the first one comes to a breakpoint again and again, each time
// behind a system call.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { rounds = 150 };
static int ends[2];
static volatile pid_t reader;

static void *wait_for_byte(void *unused) {
  char byte;
  reader = gettid();
  read(ends[0], &byte, 1);
  return unused;
}

// Returns when a thread is in read, system call 0.
static void wait_for_read(void) {
  char path[64], text[2] = "";
  while (reader == 0) {}
  while (memcmp(text, "0 ", 2) != 0) {
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", reader);
    FILE *file = fopen(path, "r");
    fread(text, 1, 2, file);
    fclose(file);
  }
}

static void stand(void) {}

int main(void) {
  pthread_t thread;
  pipe(ends);
  pthread_create(&thread, NULL, wait_for_byte, NULL);
  for (int round = 0; round < rounds; round++) {
    wait_for_read();
    getppid();
    stand();
  }
  write(ends[1], "x", 1);
  pthread_join(thread, NULL);
  return 0;
}
