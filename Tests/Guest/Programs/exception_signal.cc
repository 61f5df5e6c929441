// SPDX-License-Identifier: GPL-3.0-only
// groups: cxx exceptions signal
// build: -O1 -fnon-call-exceptions -fasynchronous-unwind-tables
// build static: -O1 -static -fnon-call-exceptions -fasynchronous-unwind-tables
// flush: 100
// C++ exceptions thrown out of signal handlers, unwound through the signal frame.
#include "check.h"
#include <csignal>
#include <stdexcept>

static int destroyed;
struct Counted {
  ~Counted() { destroyed++; }
};

static void fault(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  throw std::runtime_error(number == SIGSEGV ? "segv" : "fpe");
}

__attribute__((noinline)) static int load(volatile int *from) {
  Counted here;
  return *from;
}
__attribute__((noinline)) static int divide(volatile int *by) {
  Counted here;
  return 100 / *by;
}

int main() {
  signal(SIGSEGV, fault);
  signal(SIGFPE, fault);
  volatile int zero = 0;
  int loads = 0, divisions = 0;
  for (int i = 0; i < 200; i++) {
    try {
      if (i & 1)
        load(reinterpret_cast<volatile int *>(32));
      else
        divide(&zero);
      CHECK(!"reached");
    } catch (const std::runtime_error &e) {
      loads += e.what()[0] == 's';
      divisions += e.what()[0] == 'f';
    }
  }
  CHECK(loads == 100 && divisions == 100 && destroyed == 200);
  return verdict();
}
