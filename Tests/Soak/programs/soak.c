// SPDX-License-Identifier: GPL-3.0-only
// Everything that comes and goes in a process, again and again: children, threads, libraries, generated
// code, signals. After each line from standard input it works for so many rounds and then says so; at the
// end of its input it says what it counted.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static unsigned long rounds, children, threads, libraries, functions;
static volatile sig_atomic_t signals;

static void require(int condition, const char *what) {
  if (condition) return;
  printf("round %lu: %s\n", rounds, what);
  fflush(stdout);
  _exit(1);
}

static void onSignal(int number) { signals += number == SIGUSR1; }

// Children: one that computes, one that becomes another program, one that is spawned, one whose parent goes.
static void makeChildren(void) {
  pid_t computing = fork();
  if (computing == 0) {
    unsigned sum = 0;
    for (unsigned i = 0; i < 20000; i++) sum += i * (i ^ (unsigned)rounds);
    _exit(sum % 64);
  }
  pid_t other = fork();
  if (other == 0) {
    execl("/bin/true", "true", (char *)NULL);
    _exit(99);
  }
  pid_t spawned;
  require(posix_spawn(&spawned, "/bin/sh", NULL, NULL, (char *[]){"sh", "-c", "exit 7", NULL}, environ) == 0, "posix_spawn");
  pid_t parent = fork();
  if (parent == 0) {
    if (fork() == 0) _exit(0);
    _exit(5);
  }
  unsigned sum = 0;
  for (unsigned i = 0; i < 20000; i++) sum += i * (i ^ (unsigned)rounds);
  struct { pid_t pid; int status; } expected[] = {
      {computing, (int)(sum % 64)}, {other, 0}, {spawned, 7}, {parent, 5}};
  for (int i = 0; i < 4; i++) {
    int status = -1;
    require(waitpid(expected[i].pid, &status, 0) == expected[i].pid, "waitpid");
    require(WIFEXITED(status) && WEXITSTATUS(status) == expected[i].status, "a child's status");
    children++;
  }
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long shared;
static __thread unsigned own;

static void *thread(void *argument) {
  for (int i = 0; i < 2000; i++) {
    own += (unsigned)(uintptr_t)argument;
    if (i % 16 == 0) {
      pthread_mutex_lock(&lock);
      shared++;
      pthread_mutex_unlock(&lock);
    }
  }
  return (void *)(uintptr_t)own;
}

static void makeThreads(void) {
  enum { COUNT = 8 };
  pthread_t ids[COUNT];
  shared = 0;
  for (uintptr_t i = 0; i < COUNT; i++) require(pthread_create(&ids[i], NULL, thread, (void *)i) == 0, "pthread_create");
  int before = signals;
  raise(SIGUSR1);
  require(signals == before + 1, "a signal");
  for (uintptr_t i = 0; i < COUNT; i++) {
    void *result;
    require(pthread_join(ids[i], &result) == 0, "pthread_join");
    require((uintptr_t)result == i * 2000, "a thread's result");
    threads++;
  }
  require(shared == COUNT * 125, "what threads share");
}

static void loadLibrary(const char *path) {
  void *library = dlopen(path, RTLD_NOW);
  require(library != NULL, "dlopen");
  unsigned (*hash)(unsigned) = (unsigned (*)(unsigned))dlsym(library, "hash");
  require(hash != NULL && hash(1) == 1u * 2654435761u + 17, "a library's function");
  require(dlclose(library) == 0, "dlclose");
  libraries++;
}

// Functions that add their own number, in writable memory; some are rewritten when they have run a while.
static void generate(void) {
  enum { COUNT = 200, ROOM = 64 };
  unsigned char *code = mmap(NULL, COUNT * ROOM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(code != MAP_FAILED, "mmap");
  for (int pass = 0; pass < 2; pass++) {
    for (int i = pass; i < COUNT; i += pass + 1) {
      unsigned char bytes[] = {0x48, 0x8d, 0x87, 0, 0, 0, 0, 0x48, 0xff, 0xc8, 0x48, 0xff, 0xc0, 0xc3};
      int value = i + (int)(rounds % 1000) + pass;
      memcpy(bytes + 3, &value, 4);
      memcpy(code + i * ROOM, bytes, sizeof bytes);
    }
    for (int i = pass; i < COUNT; i += pass + 1) {
      long (*function)(long) = (long (*)(long))(void *)(code + i * ROOM);
      int times = i == 1 ? 5000 : 3;
      for (int k = 0; k < times; k++) require(function(k) == k + i + (long)(rounds % 1000) + pass, "generated code");
      functions++;
    }
  }
  munmap(code, COUNT * ROOM);
}

int main(int argc, char **argv) {
  require(argc == 2, "usage: soak LIBRARY");
  struct sigaction action = {.sa_handler = onSignal};
  sigaction(SIGUSR1, &action, NULL);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    for (int more = atoi(line); more > 0; more--) {
      rounds++;
      makeChildren();
      makeThreads();
      loadLibrary(argv[1]);
      generate();
    }
    printf("%lu rounds\n", rounds);
    fflush(stdout);
  }
  printf("%lu children, %lu threads, %lu libraries, %lu functions, %d signals\n", children, threads, libraries, functions, signals);
  return 0;
}
