// SPDX-License-Identifier: GPL-3.0-only
// dlopen and dlclose in a loop in several threads, of copies of one library whose code differs: what was translated of an
// unloaded one must not be run for the next at its address.
#include "check.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 60 };

static long unloads;
static char directory[512];
static long count(long value) { return __atomic_add_fetch(&unloads, value == 100, __ATOMIC_SEQ_CST); }

// A library of its own for each thread and round: its constant is another one.
static void copy(const char *to, unsigned char constant) {
  char path[600];
  static char image[1 << 20];
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  snprintf(path, sizeof path, "%s/plugin.so", directory);
  int file = open(path, O_RDONLY);
  ssize_t length = read(file, image, sizeof image);
  close(file);
  // mov $100, the constructor's operand, occurs once as an immediate: c7 05 disp32 imm32 or 48 c7 05 disp32 imm32.
  for (ssize_t i = 0; i + 11 < length; i++)
    if ((unsigned char)image[i] == 0x48 && (unsigned char)image[i + 1] == 0xc7 && image[i + 2] == 5 && image[i + 7] == 100)
      image[i + 7] = (char)constant;
  file = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (write(file, image, (size_t)length) != length) abort();
  close(file);
  pthread_mutex_unlock(&lock);
}

static void *loadAndUnload(void *argument) {
  long me = (intptr_t)argument;
  char path[64];
  for (int round = 0; round < ROUNDS; round++) {
    int constant = 20 + (int)((me * 31 + round) % 100);
    snprintf(path, sizeof path, "./copy-%ld-%d.so", me, round % 3);
    copy(path, (unsigned char)constant);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      printf("%s\n", dlerror());
      abort();
    }
    long (*function)(long) = (long (*)(long))dlsym(library, "plugin");
    long (**hook)(long) = dlsym(library, "unloaded");
    *hook = count;
    CHECK_EQUAL(function(me), 5 + me + constant);
    CHECK_EQUAL(function(1), 6 + me + constant);
    CHECK_EQUAL(dlclose(library), 0);
    unlink(path);
  }
  return NULL;
}

int main(int count, char **arguments) {
  (void)count;
  snprintf(directory, sizeof directory, "%s", arguments[0]);
  *strrchr(directory, '/') = 0;
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, loadAndUnload, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(unloads > 0);
  return verdict();
}
