// SPDX-License-Identifier: GPL-3.0-only
// Virtual calls over 64 objects of eight classes.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

struct Node {
  virtual ~Node() = default;
  virtual uint64_t step(uint64_t x) = 0;
};
template <int n> struct Kind : Node {
  uint64_t own = n;
  uint64_t step(uint64_t x) override { return (x ^ own++) * (2 * n + 1) + (x >> (n + 3)); }
};

int main() {
  std::vector<std::unique_ptr<Node>> nodes;
  uint32_t seed = 7;
  for (int i = 0; i < 64; i++) {
    seed = seed * 1664525 + 1013904223;
    switch (seed >> 29) {
    case 0: nodes.push_back(std::make_unique<Kind<0>>()); break;
    case 1: nodes.push_back(std::make_unique<Kind<1>>()); break;
    case 2: nodes.push_back(std::make_unique<Kind<2>>()); break;
    case 3: nodes.push_back(std::make_unique<Kind<3>>()); break;
    case 4: nodes.push_back(std::make_unique<Kind<4>>()); break;
    case 5: nodes.push_back(std::make_unique<Kind<5>>()); break;
    case 6: nodes.push_back(std::make_unique<Kind<6>>()); break;
    default: nodes.push_back(std::make_unique<Kind<7>>()); break;
    }
  }
  uint64_t x = 1;
  for (int round = 0; round < 4000000; round++)
    for (auto &node : nodes) x = node->step(x);
  printf("%016lx\n", x);
}
