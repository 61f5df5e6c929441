// SPDX-License-Identifier: GPL-3.0-only
// Dies by the signal that its argument names.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  printf("dying by %s\n", how);
  fflush(stdout);
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "segv")) *(volatile char *)16 = 1;
  if (!strcmp(how, "ill")) __asm__ volatile("ud2");
  if (!strcmp(how, "trap")) __asm__ volatile("int3");
  if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
  if (!strcmp(how, "term")) raise(SIGTERM);
  if (!strcmp(how, "jump")) ((void (*)(void))0x1234000)();
  if (!strcmp(how, "fpe")) {
    volatile int zero = 0;
    zero = 1000 / zero;
  }
  if (!strcmp(how, "bus")) {
    FILE *file = tmpfile();
    char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    printf("%d\n", page[0]);
  }
  return 1;
}
