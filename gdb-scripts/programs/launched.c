// SPDX-License-Identifier: GPL-3.0-only
// Says how it was started: arguments, some variables, the working directory, address randomization.
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <unistd.h>

int counter;

static void show(int count, char **arguments) {
  static const char *const names[] = {"XV_ADDED", "XV_EMPTY", "HOME", "LC_ALL"};
  char directory[4096];
  for (int i = 1; i < count; i++)
    printf("argument %d: %s\n", i, arguments[i]);
  for (int i = 0; i < 4; i++)
    printf("%s=%s\n", names[i], getenv(names[i]) ? getenv(names[i]) : "(unset)");
  const char *place = getcwd(directory, sizeof directory);
  printf("at /usr: %d, randomized: %d\n", place && place[1] == 'u', !(personality(0xffffffff) & ADDR_NO_RANDOMIZE));
  printf("counter %d\n", ++counter);
  fflush(stdout);
}

int main(int argc, char **argv) {
  show(argc, argv);
  return argc - 1;
}
