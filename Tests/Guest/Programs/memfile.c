// SPDX-License-Identifier: GPL-3.0-only
// groups: smc thread
// flush: 2
// build: -O1 -pthread
// limit: 60
// Code that a program changes through /proc/self/mem, past the protection of its pages: the next execution is of the new code.
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { HOT = 200000 };
typedef long (*Function)(long);

// lea rax, [rdi+value] ; ret
enum { SIZE = 8 };
static void makeCode(unsigned char *code, int value) {
  memcpy(code, (unsigned char[SIZE]){0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3}, SIZE);
  memcpy(code + 3, &value, 4);
}

static unsigned char *page(int protection) {
  unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  makeCode(p, 1);
  makeCode(p + 4090, 2);
  CHECK(mprotect(p, 8192, protection) == 0);
  return p;
}

static long call(void *code) { return ((Function)code)(0); }

static long heat(void *code) {
  long sum = 0;
  for (int i = 0; i < HOT; i++) sum += ((Function)code)(i) - i;
  return sum / HOT;
}

static int openMemory(const char *path) {
  int file = open(path, O_RDWR | O_CLOEXEC);
  CHECK(file >= 0);
  return file;
}

// Each call that writes, at the place that it is given and at the file's own.
static void everyCall(int file, int protection) {
  unsigned char *p = page(protection);
  unsigned char code[SIZE];
  off_t at = (off_t)(uintptr_t)p;
  CHECK_EQUAL(heat(p), 1);
  makeCode(code, 11);
  CHECK_EQUAL(pwrite(file, code, SIZE, at), SIZE);
  CHECK_EQUAL(heat(p), 11);
  makeCode(code, 12);
  CHECK_EQUAL(lseek(file, at, SEEK_SET), at);
  CHECK_EQUAL(write(file, code, 4), 4);
  CHECK_EQUAL(write(file, code + 4, 4), 4);
  CHECK_EQUAL(heat(p), 12);
  makeCode(code, 13);
  struct iovec pieces[] = {{code, 5}, {code + 5, 3}};
  CHECK_EQUAL(lseek(file, at, SEEK_SET), at);
  CHECK_EQUAL(writev(file, pieces, 2), SIZE);
  CHECK_EQUAL(heat(p), 13);
  makeCode(code, 14);
  CHECK_EQUAL(pwritev(file, pieces, 2, at), SIZE);
  CHECK_EQUAL(heat(p), 14);
  makeCode(code, 15);
  CHECK_EQUAL(pwritev2(file, pieces, 2, at, 0), SIZE);
  CHECK_EQUAL(heat(p), 15);
  makeCode(code, 16);
  CHECK_EQUAL(lseek(file, at, SEEK_SET), at);
  CHECK_EQUAL(pwritev2(file, pieces, 2, -1, 0), SIZE);
  CHECK_EQUAL(heat(p), 16);
  // Across two pages.
  CHECK_EQUAL(heat(p + 4090), 2);
  makeCode(code, 17);
  CHECK_EQUAL(pwrite(file, code, SIZE, at + 4090), SIZE);
  CHECK_EQUAL(heat(p + 4090), 17);
  // By a number that is not known when the code is translated.
  volatile long number = SYS_pwrite64;
  makeCode(code, 18);
  CHECK_EQUAL(syscall(number, file, code, (size_t)SIZE, at), SIZE);
  CHECK_EQUAL(heat(p), 18);
  // What fails changes nothing.
  void *volatile nowhere = NULL;
  CHECK_EQUAL(pwrite(file, nowhere, SIZE, at), -1);
  CHECK_EQUAL(pwrite(file, code, SIZE, 4096), -1);
  CHECK_EQUAL(heat(p), 18);
  CHECK(munmap(p, 8192) == 0);
}

// The program's own text, which is of a file.
__attribute__((noinline)) static long constant(long x) {
  __asm__ volatile("nopl 0x100(%rax)\n nopl 0x100(%rax)");  // room
  return x + 100;
}

static void ownText(int file) {
  long (*volatile function)(long) = constant;
  CHECK_EQUAL(function(1), 101);
  unsigned char code[SIZE];
  makeCode(code, 200);
  CHECK_EQUAL(pwrite(file, code, SIZE, (off_t)(uintptr_t)constant), SIZE);
  CHECK_EQUAL(function(1), 201);
}

// Two threads run what a third changes.
static unsigned char *shared;
static atomic_int last, seen[2];

static void *run(void *argument) {
  int number = (int)(intptr_t)argument;
  for (long before = 0;;) {
    long now = call(shared);
    if (now < before) CHECK(now >= before);
    before = now;
    seen[number] = (int)now;
    if (last && now == last) return NULL;
  }
}

static void otherThreads(int file) {
  shared = page(PROT_READ | PROT_EXEC);
  pthread_t threads[2];
  for (intptr_t i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
  for (int value = 2; value <= 60; value++) {
    unsigned char code[SIZE];
    makeCode(code, value);
    // One byte, so that nobody meets half of it.
    CHECK_EQUAL(pwrite(file, code + 3, 1, (off_t)(uintptr_t)shared + 3), 1);
    if (value == 60) last = value;
    while (seen[0] < value || seen[1] < value) sched_yield();
  }
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

// Ways to come to the file that its path does not tell, each by a process that has not opened it before.
static int byLink(void) {
  char name[64];
  snprintf(name, sizeof name, "/tmp/xv-memfile-%d", getpid());
  CHECK(symlink("/proc/self/mem", name) == 0);
  int file = openMemory(name);
  unlink(name);
  return file;
}

static int byCreat(void) { return creat("/proc/self/mem", 0600); }

static int again(void) {
  int handle = open("/proc/self/mem", O_PATH | O_CLOEXEC);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
  return openMemory(path);
}

static void *openByThread(void *argument) {
  *(int *)argument = openMemory("/proc/thread-self/mem");
  return NULL;
}

static int byThreadThatEnds(void) {
  int file = -1;
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, openByThread, &file) == 0);
  pthread_join(thread, NULL);
  return file;
}

// Two threads come to it at once.
static pthread_barrier_t meeting;

static void *openAndWrite(void *argument) {
  unsigned char *p = page(PROT_READ | PROT_EXEC), code[SIZE];
  CHECK_EQUAL(call(p), 1);
  makeCode(code, 31);
  pthread_barrier_wait(&meeting);
  int file = openMemory("/proc/self/mem");
  CHECK_EQUAL(pwrite(file, code, SIZE, (off_t)(uintptr_t)p), SIZE);
  CHECK_EQUAL(call(p), 31);
  return argument;
}

static int atOnce(void) {
  pthread_t threads[2];
  CHECK(pthread_barrier_init(&meeting, NULL, 2) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, openAndWrite, NULL) == 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return openMemory("/proc/self/mem");
}

// By a mount of its own, whose name may be any.
static int byMount(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", getpid());
  int file = -1;
  // Not everybody may.
  if (unshare(CLONE_NEWNS | (getuid() ? CLONE_NEWUSER : 0)) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
      && mount("none", "/tmp", "tmpfs", 0, NULL) == 0 && (file = open("/tmp/code", O_CREAT | O_WRONLY, 0600)) >= 0) {
    close(file);
    if (mount(path, "/tmp/code", NULL, MS_BIND, NULL) == 0) return openMemory("/tmp/code");
  }
  printf("no mount of its own\n");
  CHECK(getuid() != 0);
  return openMemory(path);
}

static void byEachWay(void) {
  int (*const ways[])(void) = {byLink, byCreat, byMount, again, byThreadThatEnds, atOnce, atOnce, atOnce, atOnce};
  for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      int file = ways[i]();
      unsigned char *p = page(PROT_READ | PROT_EXEC), code[SIZE];
      CHECK_EQUAL(call(p), 1);
      makeCode(code, 21);
      CHECK_EQUAL(pwrite(file, code, SIZE, (off_t)(uintptr_t)p), SIZE);
      CHECK_EQUAL(call(p), 21);
      _exit(checksFailed != 0);
    }
    int status;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
  }
}

// Long writes to writable code whose last page another thread runs all the time.
static atomic_int isOver;

static void *runLast(void *code) {
  while (!isOver) call(code);
  return NULL;
}

static void longWrites(int file) {
  enum { PAGES = 64 };
  unsigned char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *data = malloc(PAGES * 4096);
  CHECK(p != MAP_FAILED && data);
  memset(data, 0x90, PAGES * 4096);
  unsigned char *last = p + (PAGES - 1) * 4096;
  makeCode(last, 1);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, runLast, last) == 0);
  for (int value = 2; value < 200; value++) {
    // The thread may run what is half written: one byte differs.
    memcpy(data + (PAGES - 1) * 4096, last, SIZE);
    data[(PAGES - 1) * 4096 + 3] = (unsigned char)value;
    CHECK_EQUAL(pwrite(file, data, PAGES * 4096, (off_t)(uintptr_t)p), PAGES * 4096);
    CHECK_EQUAL(call(last), value);
  }
  isOver = 1;
  pthread_join(thread, NULL);
  // Places that there cannot be.
  CHECK_EQUAL(pwrite(file, data, 0, -1), -1);
  CHECK_EQUAL(lseek(file, -4096, SEEK_SET), -4096);
  CHECK_EQUAL(write(file, data, 8), -1);
  CHECK(munmap(p, PAGES * 4096) == 0);
  free(data);
}

int main(void) {
  byEachWay();
  // Its calls are compiled before anybody opens the file.
  int other = open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK_EQUAL(write(other, "x", 1), 1);
  CHECK_EQUAL(pwrite(other, "x", 1, 0), 1);

  int file = openMemory("/proc/self/mem");
  CHECK_EQUAL(write(other, "x", 1), 1);
  everyCall(file, PROT_READ | PROT_EXEC);
  everyCall(file, PROT_EXEC | PROT_READ | PROT_WRITE);
  int copy = dup(file);
  close(file);
  everyCall(copy, PROT_READ | PROT_EXEC);
  ownText(copy);
  otherThreads(copy);
  longWrites(copy);
  close(copy);

  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%ld/mem", getpid(), syscall(SYS_gettid));
  file = openMemory(path);
  everyCall(file, PROT_READ | PROT_EXEC);
  close(file);

  // A child opens its own.
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    file = openMemory("/proc/thread-self/mem");
    everyCall(file, PROT_READ | PROT_EXEC);
    _exit(checksFailed != 0);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  return verdict();
}
