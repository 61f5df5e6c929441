// SPDX-License-Identifier: GPL-3.0-only
// Exceptions across many frames in many threads, handed from thread to thread, out of signal-free destructors;
// thread_local objects whose destructors run at each thread's end.
#include <atomic>
#include <cstdio>
#include <exception>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<long> built{0}, destroyed{0}, threadsEnded{0};

struct Guarded {
  Guarded() { built++; }
  ~Guarded() { destroyed++; }
  long weight[3] = {1, 2, 3};
};

struct PerThread {
  std::string name = "unnamed";
  std::vector<long> seen;
  ~PerThread() { threadsEnded += (long)seen.size(); }
};
static thread_local PerThread perThread;
static thread_local int depthNow = 0;

struct Deep : std::runtime_error {
  int depth;
  Deep(int depth) : std::runtime_error("deep " + std::to_string(depth)), depth(depth) {}
};

__attribute__((noinline)) static long descend(int depth, int kind) {
  Guarded here;
  depthNow = depth;
  if (depth == 0) {
    switch (kind % 4) {
      case 0: throw Deep(kind);
      case 1: throw kind;
      case 2: throw std::string("a string");
      default: std::vector<int>().at(kind);
    }
  }
  if (depth % 16 == 7) {
    try {
      return descend(depth - 1, kind) + here.weight[1];
    } catch (const Deep &deep) {
      if (depth > 40) throw;
      throw Deep(deep.depth + 1);
    } catch (int number) {
      throw;
    }
  }
  return descend(depth - 1, kind) + here.weight[depth % 3];
}

static long work(int me) {
  perThread.name = "thread " + std::to_string(me);
  long sum = 0;
  for (int round = 0; round < 150; round++) {
    perThread.seen.push_back(round);
    try {
      sum += descend(20 + (round * 7 + me) % 100, round);
    } catch (const Deep &deep) {
      sum += deep.depth + (long)std::string(deep.what()).size();
    } catch (int number) {
      sum += number;
    } catch (const std::string &text) {
      sum += (long)text.size();
    } catch (const std::exception &other) {
      sum += 1;
    }
  }
  return perThread.name.empty() ? -1 : sum + me;
}

int main() {
  long sum = 0;
  for (int turn = 0; turn < 3; turn++) {
    std::vector<std::thread> threads;
    std::vector<long> sums(12);
    for (int i = 0; i < 12; i++) threads.emplace_back([i, &sums] { sums[i] = work(i); });
    for (auto &thread : threads) thread.join();
    for (long each : sums) sum += each;
  }
  std::printf("%ld, %ld, %ld\n", sum, built.load() - destroyed.load(), threadsEnded.load());

  // From thread to thread.
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 20; i++)
    futures.push_back(std::async(std::launch::async, [i]() -> int {
      if (i % 3 == 0) descend(60, 0);
      return i;
    }));
  int thrown = 0, returned = 0;
  for (auto &future : futures) {
    try {
      returned += future.get();
    } catch (const Deep &deep) {
      thrown++;
    }
  }
  std::printf("%d thrown, %d returned\n", thrown, returned);

  std::exception_ptr kept;
  std::thread([&kept] {
    try {
      descend(30, 1);
    } catch (...) {
      kept = std::current_exception();
    }
  }).join();
  try {
    std::rethrow_exception(kept);
  } catch (int number) {
    std::printf("rethrown %d\n", number);
  }
  return 0;
}
