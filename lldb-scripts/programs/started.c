// SPDX-License-Identifier: GPL-3.0-only
// What a program is started with.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) static void told(const char *name, const char *value) {
  printf("%s = %s\n", name, value ? value : "(none)");
  fflush(stdout);
}

int main(int argc, char **argv) {
  char directory[4096];
  for (int i = 1; i < argc; i++) told("argument", argv[i]);
  told("XV_TEST", getenv("XV_TEST"));
  told("directory below /", getcwd(directory, sizeof directory) && directory[1] ? "yes" : "no");
  return argc;
}
