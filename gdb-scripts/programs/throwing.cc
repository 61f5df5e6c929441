// SPDX-License-Identifier: GPL-3.0-only
// Exceptions through frames with destructors, a rethrow, a virtual call.
#include <cstdio>
#include <stdexcept>

static int destroyed;

struct Guard {
  ~Guard() { destroyed++; }
};

struct Base {
  virtual ~Base() = default;
  virtual int work(int n) = 0;
};

struct Worker : Base {
  int work(int n) override {
    Guard guard;
    if (n == 0)
      throw std::runtime_error("bottom");
    return work(n - 1) + 1;
  }
};

static int attempt(Base &base, int n) {
  try {
    return base.work(n);
  } catch (const std::exception &) {
    destroyed += 100;
    throw;
  }
}

int main() {
  Worker worker;
  int caught = 0;
  for (int i = 0; i < 3; i++) {
    try {
      attempt(worker, i);
    } catch (const std::runtime_error &error) {
      caught++;
    }
  }
  std::printf("caught %d, destroyed %d\n", caught, destroyed);
  return caught == 3 ? 0 : 1;
}
