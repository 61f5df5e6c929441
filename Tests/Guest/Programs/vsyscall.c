// SPDX-License-Identifier: GPL-3.0-only
// groups: syscall vdso hard
// build: -O1
// The old entry points at fixed addresses, where the kernel still emulates them: calls there return
// the time, reads and jumps into their middle fault.
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static sigjmp_buf back;
static void handler(int number) { siglongjmp(back, number); }

int main(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[300];
  int there = 0;
  while (maps && fgets(line, sizeof line, maps)) there |= strstr(line, "[vsyscall]") != NULL;
  signal(SIGSEGV, handler);
  long (*getTime)(struct timeval *, void *) = (void *)0xffffffffff600000;
  time_t (*getSeconds)(time_t *) = (void *)0xffffffffff600400;
  struct timeval now = {0, 0};
  volatile int faults = 0;
  for (int i = 0; i < 10; i++) {
    if (!sigsetjmp(back, 1)) {
      CHECK(getTime(&now, NULL) == 0);
      CHECK(labs(getSeconds(NULL) - now.tv_sec) <= 1 && labs(time(NULL) - now.tv_sec) <= 1);
    } else
      faults++;
    if (!sigsetjmp(back, 1))
      ((void (*)(void))0xffffffffff600005)();
    else
      faults++;
  }
  printf("%s, %d faults\n", there ? "emulated" : "absent", faults);
  return verdict();
}
