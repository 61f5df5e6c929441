// SPDX-License-Identifier: GPL-3.0-only
// groups: cxx exceptions
// build: -O2
// build static: -O2 -static
// build no-pie: -O0 -no-pie
// flush: 100
// C++ exceptions: through deep frames, with destructors, rethrown, nested, through C's qsort, from
// constructors, uncaught ones that end in a handler of std::terminate.
#include "check.h"
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

static int alive, destroyed;
struct Counted {
  int value;
  explicit Counted(int v) : value(v) {
    if (v == 13) throw std::logic_error("thirteen");
    alive++;
  }
  ~Counted() { alive--, destroyed++; }
};

__attribute__((noinline)) static int deep(int depth, int kind) {
  Counted here(depth == 13 ? 14 : depth);
  if (depth == 0) {
    switch (kind) {
    case 0: throw 42;
    case 1: throw std::runtime_error("deep");
    case 2: throw std::string("text");
    default: Counted fails(13); return fails.value;
    }
  }
  int below = deep(depth - 1, kind);
  return below + here.value;
}

__attribute__((noinline)) static int rethrown(int depth) {
  try {
    return deep(depth, 1);
  } catch (const std::runtime_error &) {
    try {
      throw;
    } catch (const std::exception &e) {
      return int(std::string(e.what()).size());
    }
  }
}

static int throwing(const void *a, const void *b) {
  if (*static_cast<const int *>(a) == 7) throw 7;
  return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

static void report() {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (int value) {
    printf("terminate with %d\n", value);
    fflush(stdout);
    _exit(checksFailed ? 1 : 0);
  }
}

static void uncaught() noexcept { deep(5, 0); }

int main() {
  int ints = 0, errors = 0, strings = 0, constructors = 0;
  for (int i = 0; i < 400; i++) {
    try {
      deep(i % 60, i % 4);
    } catch (int) {
      ints++;
    } catch (const std::logic_error &) {
      constructors++;
    } catch (const std::exception &) {
      errors++;
    } catch (...) {
      strings++;
    }
  }
  CHECK(ints == 100 && errors == 100 && strings == 100 && constructors == 100);
  CHECK_EQUAL(alive, 0);
  CHECK_EQUAL(rethrown(30), 4);
  int values[] = {5, 7, 1};
  try {
    qsort(values, 3, sizeof *values, throwing);
    CHECK(!"sorted");
  } catch (int seven) {
    CHECK_EQUAL(seven, 7);
  }
  try {
    std::vector<int>().at(3);
  } catch (const std::out_of_range &) {
    checksMade++;
  }
  printf("%d destroyed\n", destroyed);
  verdict();
  std::set_terminate(report);
  uncaught();
}
