// SPDX-License-Identifier: GPL-3.0-only
// What the programs share: they say when they are ready, count their progress where the test sees it,
// end when their standard input says so, and check themselves at the end.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      printf("line %d: %s failed (errno %d)\n", __LINE__, #condition, errno);       \
      fflush(stdout);                                                               \
      _exit(1);                                                                     \
    }                                                                               \
  } while (0)

static _Atomic uint64_t *progress;

/// argv[1] is a file of 8 bytes that the test maps too.
static inline void begin(int argc, char **argv) {
  CHECK(argc >= 2);
  int file = open(argv[1], O_RDWR);
  CHECK(file >= 0);
  progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(progress != MAP_FAILED);
  close(file);
}

static inline void ready(void) {
  printf("ready\n");
  fflush(stdout);
}

/// Whether the test has closed standard input, or written to it.
static inline int told_to_end(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

/// The processor's number as the kernel keeps it for this thread; negative when rseq is not registered.
static inline int served_processor(void) {
  const struct rseq *area = (const void *)((char *)__builtin_thread_pointer() + __rseq_offset);
  return (int)*(const volatile uint32_t *)&area->cpu_id;
}

static inline void succeed(void) {
  CHECK(__rseq_size == 0 || served_processor() >= 0);
  printf("ok\n");
  fflush(stdout);
  exit(0);
}
