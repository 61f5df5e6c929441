// SPDX-License-Identifier: GPL-3.0-only
// groups: memory transparency
// build: -O1
// guard: no
// /proc/self/maps shows the permissions the program asked for (which guard mode takes away).
#include "check.h"
#include <sys/mman.h>

static void show(const char *name, const void *at) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[400], word[5] = "none";
  unsigned long from, to;
  while (maps && fgets(line, sizeof line, maps))
    if (sscanf(line, "%lx-%lx", &from, &to) == 2 && (uint64_t)at >= from && (uint64_t)at < to)
      sscanf(line, "%*s %4s", word);
  if (maps) fclose(maps);
  printf("%s %s\n", name, word);
}

int main(void) {
  const int rw = PROT_READ | PROT_WRITE;
  static int variable;
  char *a = mmap(NULL, 4 * 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), local;
  CHECK(a != MAP_FAILED);
  a[0] = (char)0xc3;
  CHECK(mprotect(a, 4096, PROT_READ | PROT_EXEC) == 0);
  ((void (*)(void))a)();
  show("made", a);
  show("beside", a + 4096);
  CHECK(mprotect(a, 4096, rw | PROT_EXEC) == 0);
  ((void (*)(void))a)();
  show("all", a);
  CHECK(munmap(a, 4096) == 0);
  show("unmapped", a);
  show("text", (void *)(uintptr_t)main);
  show("libc", (void *)(uintptr_t)puts);
  show("data", &variable);
  show("stack", &local);
  return verdict();
}
