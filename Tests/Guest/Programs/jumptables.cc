// SPDX-License-Identifier: GPL-3.0-only
// groups: flow cxx
// build: -O2
// build no-opt: -O0
// flush: 30
// Jumps and calls whose targets come from tables: switches, a threaded interpreter, function
// pointers, virtual functions.
#include "check.h"
#include <functional>
#include <memory>
#include <vector>

static uint64_t seed = 1;
static unsigned next() { return unsigned((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33); }

__attribute__((noinline)) static uint64_t dense(unsigned key, uint64_t value) {
  switch (key) {
  case 0: return value + 3;
  case 1: return value * 5;
  case 2: return value ^ 0x55;
  case 3: return value >> 1;
  case 4: return value - 9;
  case 5: return value << 2;
  case 6: return ~value;
  case 7: return value | 0x1000;
  case 8: return value / 3;
  case 9: return value % 1000003;
  case 10: return value * value;
  default: return value + key;
  }
}

static uint64_t interpreter(const std::vector<uint8_t> &program, unsigned rounds) {
  static void *const handlers[] = {&&add, &&multiply, &&exclusive, &&rotate, &&subtract, &&skip, &&end};
  uint64_t value = 1;
  size_t at = 0;
#define NEXT goto *handlers[program[at++]]
  NEXT;
add: value += at; NEXT;
multiply: value *= 31; NEXT;
exclusive: value ^= 0x9e3779b97f4a7c15; NEXT;
rotate: value = value << 13 | value >> 51; NEXT;
subtract: value -= at * at; NEXT;
skip: if (value & 1) at += program[at] != 6; NEXT;
end:
  if (--rounds) {
    at = 0;
    NEXT;
  }
  return value;
#undef NEXT
}

struct Shape {
  virtual ~Shape() = default;
  virtual uint64_t area(uint64_t x) const = 0;
};
template <unsigned n> struct Polygon : Shape {
  uint64_t area(uint64_t x) const override { return x * n + n * n; }
};
struct Named : virtual Shape {
  uint64_t extra = 17;
};
struct Both : Named {
  uint64_t area(uint64_t x) const override { return x ^ extra; }
};

int main() {
  uint64_t value = 7;
  for (int i = 0; i < 20000; i++) value = dense(next() % 14, value);
  printf("switch %016lx\n", value);
  std::vector<uint8_t> program(400);
  for (auto &op : program) op = uint8_t(next() % 6);
  program.push_back(6);
  printf("interpreter %016lx\n", interpreter(program, 200));
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 40; i++)
    switch (next() % 5) {
    case 0: shapes.push_back(std::make_unique<Polygon<3>>()); break;
    case 1: shapes.push_back(std::make_unique<Polygon<4>>()); break;
    case 2: shapes.push_back(std::make_unique<Polygon<5>>()); break;
    case 3: shapes.push_back(std::make_unique<Polygon<6>>()); break;
    default: shapes.push_back(std::unique_ptr<Shape>(static_cast<Named *>(new Both))); break;
    }
  for (int i = 0; i < 20000; i++) value = shapes[next() % shapes.size()]->area(value);
  printf("virtual %016lx\n", value);
  std::vector<std::function<uint64_t(uint64_t)>> functions;
  for (uint64_t i = 0; i < 10; i++) functions.push_back([i](uint64_t x) { return x * i + i; });
  for (int i = 0; i < 20000; i++) value = functions[next() % 10](value) + 1;
  printf("closures %016lx\n", value);
  return 0;
}
