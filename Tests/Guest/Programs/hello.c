// SPDX-License-Identifier: GPL-3.0-only
// groups: libc
// build: -O2
// build static: -O2 -static
// build static-pie: -O2 -static-pie
// build no-pie: -O0 -no-pie
// build now: -O2 -Wl,-z,now
// What every program does: libc's start, its lines, its exit handlers.
#include "check.h"
#include <math.h>
#include <time.h>

static void last(void) { puts("at exit"); }

__attribute__((constructor)) static void first(void) { puts("before main"); }

static int byValue(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv, char **environment) {
  atexit(last);
  printf("%d %s %.6f %g %c %5s|%-5s|%lx\n", argc, strrchr(argv[0], '/') ? "path" : "name",
         3.14159265358979, 1e100, 'x', "ab", "cd", 0xdeadbeefUL);
  CHECK(getenv("XV_TEST") && environment[0]);
  int values[1000];
  unsigned seed = 1;
  for (int i = 0; i < 1000; i++) values[i] = (int)((seed = seed * 1103515245 + 12345) >> 8 & 0xffff);
  qsort(values, 1000, sizeof *values, byValue);
  for (int i = 1; i < 1000; i++) CHECK(values[i - 1] <= values[i]);
  char *blocks[200];
  for (int i = 0; i < 200; i++) {
    blocks[i] = malloc(i * 1000 + 1);
    memset(blocks[i], i, i * 1000 + 1);
  }
  for (int i = 0; i < 200; i++) {
    CHECK(blocks[i][i * 1000] == (char)i);
    free(blocks[i]);
  }
  struct tm parts;
  time_t when = 86400 * 365;
  gmtime_r(&when, &parts);
  char text[64];
  strftime(text, sizeof text, "%A %F %T", &parts);
  puts(text);
  printf("%ld %f\n", strtol("-12345xyz", NULL, 10), strtod("2.5e3", NULL));
  return verdict();
}
