// SPDX-License-Identifier: GPL-3.0-only
// Virtual calls, exceptions through many frames and through a signal handler, containers, threads' locals.
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  double side;
  explicit Square(double side) : side(side) {}
  double area() const override { return side * side; }
};
struct Disc : Shape {
  double radius;
  explicit Disc(double radius) : radius(radius) {
    if (radius < 0) throw std::invalid_argument("radius " + std::to_string(radius));
  }
  double area() const override { return 3.14159265 * radius * radius; }
};
struct Counted {
  static int alive;
  Counted() { alive++; }
  ~Counted() { alive--; }
};
int Counted::alive = 0;

static int descend(int depth) {
  Counted here;
  if (depth == 0) throw depth;
  return descend(depth - 1) + 1;
}

static void thrower(int) { throw std::runtime_error("from a handler"); }

int main() {
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 200; i++) {
    if (i % 2) shapes.push_back(std::make_unique<Square>(i));
    else shapes.push_back(std::make_unique<Disc>(i * 0.5));
  }
  double sum = 0;
  for (auto &shape : shapes) sum += shape->area();
  std::printf("area %.6f\n", sum);

  std::map<std::string, int> words;
  for (int i = 0; i < 1000; i++) words["word" + std::to_string(i * 7919 % 101)] += i;
  std::printf("words %zu, %d\n", words.size(), words["word7"]);

  for (int i = 0; i < 20; i++) {
    try {
      descend(i);
    } catch (int depth) {
      if (Counted::alive != 0) std::printf("not destroyed: %d\n", Counted::alive);
    }
  }
  try {
    Disc wrong(-1);
  } catch (const std::exception &error) {
    std::printf("caught %s\n", error.what());
  }
  std::signal(SIGSEGV, thrower);
  try {
    *(volatile int *)8 = 1;
  } catch (const std::exception &error) {
    std::printf("caught %s\n", error.what());
  }
  return 0;
}
