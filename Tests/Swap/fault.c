// SPDX-License-Identifier: GPL-3.0-only
// Preloaded into xv: one of the calls that put a file on disk fails. The file that FAULT names holds which one of them,
// counted from 1 since that number is there; 0 is none.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(void) {
  static char last[16];
  static int count;
  char now[16] = {0};
  const char *name = getenv("FAULT");
  if (!name || strcmp(program_invocation_short_name, "xv")) return 0;
  int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, now, sizeof now - 1) <= 0) return 0;
  close(file);
  if (strcmp(now, last)) count = 0;
  strcpy(last, now);
  if (++count != atoi(now)) return 0;
  errno = count % 2 ? ENOSPC : EIO;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// A disk that is nearly full takes a part.
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  if (!fails()) return NEXT(pwrite)(file, bytes, count, offset);
  NEXT(pwrite)(file, bytes, count / 2, offset);
  errno = ENOSPC;
  return -1;
}
int fsync(int file) { return fails() ? -1 : NEXT(fsync)(file); }
int ftruncate(int file, off_t size) { return fails() ? -1 : NEXT(ftruncate)(file, size); }
int rename(const char *from, const char *to) { return fails() ? -1 : NEXT(rename)(from, to); }
