// SPDX-License-Identifier: GPL-3.0-only
// What loading.c loads: a constructor, a destructor, a thread-local variable, code at one of the addresses of the last load.
#include <stdlib.h>

static __thread long mine = 5;
static long built;
long (*volatile unloaded)(long);

__attribute__((constructor)) static void begin(void) { built = 100; }
__attribute__((destructor)) static void end(void) {
  if (unloaded) unloaded(built);
}

long plugin(long value) {
  mine += value;
  return mine + built;
}
