// SPDX-License-Identifier: GPL-3.0-only
// Variables that each thread has for itself, in the program and in a library that is loaded later.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

__thread int first = 11;
__thread char name[16] = "main";
static __thread long counts[4] __attribute__((aligned(64))) = {1, 2, 3, 4};
static char large[300000];

static void here(void) {}

static void *work(void *argument) {
  first = 22;
  strcpy(name, "worker");
  counts[2] = 33;
  errno = 5;
  here();
  return argument;
}

int main(void) {
  memset(large, 'x', sizeof large);
  memcpy(large + 260000, "needle\0\1\2", 9);
  counts[0] = 7;
  here();
  pthread_t thread;
  pthread_create(&thread, NULL, work, NULL);
  pthread_join(thread, NULL);
  printf("%d %s %ld\n", first, name, counts[0]);
  return 0;
}
