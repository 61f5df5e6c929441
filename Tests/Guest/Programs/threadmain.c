// SPDX-License-Identifier: GPL-3.0-only
// groups: thread
// build: -O1 -pthread
// The main thread ends first; the last of the others ends the process with its status.
// status: 0
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_int done;

static void *work(void *unused) {
  (void)unused;
  await_state(getpid(), getpid(), "ZX");
  if (atomic_fetch_add(&done, 1) == 3) {
    puts("last");
    fflush(stdout);
  }
  return NULL;
}

int main(void) {
  pthread_t thread;
  for (int i = 1; i <= 4; i++) {
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    pthread_detach(thread);
  }
  puts("main ends");
  fflush(stdout);
  pthread_exit(NULL);
}
