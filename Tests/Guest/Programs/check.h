// SPDX-License-Identifier: GPL-3.0-only
// Checks for guest programs: each failed one prints its line, `verdict` prints the sum.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int checksFailed, checksMade;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    __atomic_add_fetch(&checksMade, 1, __ATOMIC_RELAXED);                                          \
    if (!(condition)) {                                                                            \
      __atomic_add_fetch(&checksFailed, 1, __ATOMIC_RELAXED);                                      \
      printf("line %d: not so: %s\n", __LINE__, #condition);                                       \
    }                                                                                              \
  } while (0)

#define CHECK_EQUAL(a, b)                                                                          \
  do {                                                                                             \
    uint64_t left_ = (uint64_t)(a), right_ = (uint64_t)(b);                                        \
    __atomic_add_fetch(&checksMade, 1, __ATOMIC_RELAXED);                                          \
    if (left_ != right_) {                                                                         \
      __atomic_add_fetch(&checksFailed, 1, __ATOMIC_RELAXED);                                      \
      printf("line %d: %s is %#lx, %s is %#lx\n", __LINE__, #a, left_, #b, right_);                \
    }                                                                                              \
  } while (0)

static inline int verdict(void) {
  printf("%d checks, %d failed\n", checksMade, checksFailed);
  fflush(stdout);
  return checksFailed != 0;
}

/// Waits until the state of a thread, as /proc says it, is one of `states` ("S" sleeps, "Z" has ended).
static inline void await_state(int process, int thread, const char *states) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", process, thread);
  for (;;) {
    FILE *file = fopen(path, "r");
    if (!file) return;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const char *state = strrchr(text, ')');
    if (state && strchr(states, state[2])) return;
    usleep(100);
  }
}

/// Waits until a process is in system call `number`, which must be one that blocks.
static inline void await_call(int process, long number) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/syscall", process);
  for (;;) {
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file)) {
      // Not everybody may ask.
      if (file) fclose(file);
      usleep(50000);
      return;
    }
    fclose(file);
    if (text[0] != 'r' && strtol(text, NULL, 10) == number) return;  // Else "running".
    usleep(100);
  }
}

/// Makes a child that sends a signal to this process when this process is in a system call.
static inline pid_t signal_in_call(long number, int signal) {
  pid_t self = getpid(), child = fork();
  if (child == 0) {
    await_call(self, number);
    _exit(kill(self, signal) != 0);
  }
  return child;
}

// Every register but rsp, in the order rax rbx rcx rdx rsi rdi rbp r8...r15, from or to a row of words:
// `each load, name` and `each store, name` in assembly; rcx comes last.
#define EACH_REGISTER                                                                              \
  ".macro each what, from\n"                                                                       \
  "  \\what %rax, 0+\\from(%rip)\n \\what %rbx, 8+\\from(%rip)\n"                                     \
  "  \\what %rdx, 24+\\from(%rip)\n \\what %rsi, 32+\\from(%rip)\n"                                   \
  "  \\what %rdi, 40+\\from(%rip)\n \\what %rbp, 48+\\from(%rip)\n"                                   \
  "  \\what %r8, 56+\\from(%rip)\n \\what %r9, 64+\\from(%rip)\n"                                     \
  "  \\what %r10, 72+\\from(%rip)\n \\what %r11, 80+\\from(%rip)\n"                                   \
  "  \\what %r12, 88+\\from(%rip)\n \\what %r13, 96+\\from(%rip)\n"                                   \
  "  \\what %r14, 104+\\from(%rip)\n \\what %r15, 112+\\from(%rip)\n"                                 \
  "  \\what %rcx, 16+\\from(%rip)\n"                                                               \
  ".endm\n"                                                                                        \
  ".macro load r, m\n mov \\m, \\r\n.endm\n"                                                       \
  ".macro store r, m\n mov \\r, \\m\n.endm\n"

/// One step of FNV-1a over the eight bytes of `value`.
static inline uint64_t mix(uint64_t hash, uint64_t value) {
  for (int i = 0; i < 8; i++, value >>= 8) hash = (hash ^ (value & 255)) * 0x100000001b3ull;
  return hash;
}
#define MIX_SEED 0xcbf29ce484222325ull
