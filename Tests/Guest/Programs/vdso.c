// SPDX-License-Identifier: GPL-3.0-only
// groups: syscall vdso
// relocate: 12
// build: -O2
// Time through the vdso agrees with the kernel's, goes forward, and the vdso is in the auxv.
#include "check.h"
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static int64_t nanoseconds(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }

int main(void) {
  CHECK(getauxval(AT_SYSINFO_EHDR) != 0);
  CHECK(memcmp((void *)getauxval(AT_SYSINFO_EHDR), "\177ELF", 4) == 0);
  static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE,
                                     CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
                                     CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  for (unsigned c = 0; c < sizeof clocks / sizeof *clocks; c++) {
    struct timespec a, b, d, e;
    CHECK(clock_gettime(clocks[c], &a) == 0);
    CHECK(syscall(SYS_clock_gettime, clocks[c], &b) == 0);
    CHECK(clock_gettime(clocks[c], &d) == 0);
    CHECK(clock_getres(clocks[c], &e) == 0);
    CHECK(nanoseconds(a) <= nanoseconds(b));
    CHECK(nanoseconds(b) <= nanoseconds(d));
    CHECK(nanoseconds(e) > 0);
  }
  struct timespec last = {0, 0}, now;
  for (int i = 0; i < 20000; i++) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (nanoseconds(now) < nanoseconds(last)) CHECK(!"clock went back");
    last = now;
  }
  struct timeval v;
  CHECK(gettimeofday(&v, NULL) == 0);
  time_t seconds = time(NULL);
  CHECK(seconds - v.tv_sec >= 0 && seconds - v.tv_sec <= 5);
  unsigned cpu = 1u << 30, node = 1u << 30;
  CHECK(getcpu(&cpu, &node) == 0);
  CHECK(cpu < 4096 && node < 4096);
  CHECK(sched_getcpu() >= 0);
  return verdict();
}
