// SPDX-License-Identifier: GPL-3.0-only
// groups: memory relocation
// build: -O1
// Shared memory of another IPC namespace is attached where xv is: how large it is only that namespace knows.
#include "check.h"
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/shm.h>

enum { SIZE = 16 << 20, BELOW = 1 << 20 };

static void attach(int segment, char *place, int flags) {
  char *there = shmat(segment, place, flags);
  CHECK(there == place);
  if (there != place) return;
  memset(there, 0x5a, SIZE);
  CHECK_EQUAL(there[SIZE - 1], 0x5a);
  CHECK(shmdt(there) == 0);
}

int main(void) {
  if (unshare(CLONE_NEWIPC | (getuid() ? CLONE_NEWUSER : 0)) != 0) {
    printf("no IPC namespace of its own: %s\n", strerror(errno));
    return getuid() == 0;
  }
  int segment = shmget(IPC_PRIVATE, SIZE, 0600);
  CHECK(segment >= 0);
  char *place = (char *)0x410000000000 - BELOW;
  attach(segment, place, 0);
  attach(segment, place, SHM_REMAP);
  CHECK(shmctl(segment, IPC_RMID, NULL) == 0);
  return verdict();
}
