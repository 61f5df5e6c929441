// SPDX-License-Identifier: GPL-3.0-only
// Makes eight threads, and has the kernel's numbers begin again behind the second (for which it has to be root).
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { threads = 8 };

static pthread_barrier_t all;
static __thread long number;
static long ids[threads], wrapped;

__attribute__((noinline)) void made(void) {
}

static void *run(void *argument) {
  number = (long)argument;
  ids[number] = syscall(SYS_gettid);
  pthread_barrier_wait(&all);
  pthread_barrier_wait(&all);
  return NULL;
}

static void endNumbers(void) {
  long most = 0;
  FILE *file = fopen("/proc/sys/kernel/pid_max", "r");
  if (file == NULL || fscanf(file, "%ld", &most) != 1)
    perror("pid_max");
  if (file != NULL)
    fclose(file);
  file = fopen("/proc/sys/kernel/ns_last_pid", "w");
  if (file == NULL || fprintf(file, "%ld", most - 4) < 0 || fclose(file) != 0)
    perror("ns_last_pid");
}

int main(void) {
  pthread_t thread[threads];
  pthread_barrier_init(&all, NULL, threads + 1);
  for (long i = 0; i < threads; i++) {
    if (i == 2)
      endNumbers();
    pthread_create(&thread[i], NULL, run, (void *)i);
  }
  pthread_barrier_wait(&all);
  for (int i = 1; i < threads; i++)
    wrapped += ids[i] < ids[i - 1];
  made();
  pthread_barrier_wait(&all);
  for (int i = 0; i < threads; i++)
    pthread_join(thread[i], NULL);
  puts("done");
  return 0;
}
