// SPDX-License-Identifier: GPL-3.0-only
// Two threads that wait in the kernel while the first one goes on, then end one after the other.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t started;
static int pipes[2][2];
static pid_t ids[2];

static void *wait_for_byte(void *argument) {
  long number = (long)argument;
  char name[16];
  snprintf(name, sizeof name, "worker %ld", number);
  pthread_setname_np(pthread_self(), name);
  ids[number] = gettid();
  pthread_barrier_wait(&started);
  char byte = 0;
  read(pipes[number][0], &byte, 1);
  return (void *)(long)byte;
}

// Returns when a thread is blocked in read, system call 0.
static void wait_for_read(pid_t thread) {
  char path[64], text[2] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
  while (memcmp(text, "0 ", 2) != 0) {
    FILE *file = fopen(path, "r");
    fread(text, 1, 2, file);
    fclose(file);
  }
}

static void ready(void) {
  usleep(0);
}

int main(void) {
  pthread_t workers[2];
  pthread_barrier_init(&started, NULL, 3);
  for (long i = 0; i < 2; i++) {
    pipe(pipes[i]);
    pthread_create(&workers[i], NULL, wait_for_byte, (void *)i);
  }
  pthread_barrier_wait(&started);
  for (int i = 0; i < 2; i++)
    wait_for_read(ids[i]);
  ready();
  for (long i = 0; i < 2; i++) {
    void *result;
    write(pipes[i][1], "7", 1);
    pthread_join(workers[i], &result);
    printf("worker %ld: %ld\n", i, (long)result);
  }
  return 0;
}
