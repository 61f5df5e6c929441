// SPDX-License-Identifier: GPL-3.0-only
// turnsxx N: N threads, the first among them, that take turns, throw and catch, and then all throw at once.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace crowd {

struct Refusal {
  long number;
  std::string why;
};

class Round {
public:
  explicit Round(long count) : count(count) {}
  virtual ~Round() = default;

  virtual long visit(long number, long round) {
    std::string name = "visitor " + std::to_string(number);
    sum += number * 10 + round;
    if (round == 1)
      throw Refusal{number, name};
    return sum;
  }

  void meet(long number) {
    try {
      throw Refusal{number, "met"};
    } catch (const Refusal &refusal) {
      met += refusal.number + 1;
    }
  }

  void work(long number) {
    for (long round = 0; round < 3; round++) {
      std::unique_lock held(lock);
      changed.wait(held, [&] { return turn == round * count + number; });
      try {
        visit(number, round);
      } catch (const Refusal &refusal) {
        refused += refusal.number + 1;
      }
      turn++;
      changed.notify_all();
    }
    {
      // Nobody meets before all have had their turns.
      std::unique_lock held(lock);
      changed.wait(held, [&] { return turn == 3 * count; });
    }
    for (int i = 0; i < 2; i++)
      meet(number);
  }

  long count, turn = 0, sum = 0, refused = 0;
  std::atomic<long> met = 0;

private:
  std::mutex lock;
  std::condition_variable changed;
};

void done(const Round &round) {
  std::printf("%ld, %ld, %ld\n", round.sum, round.refused, round.met.load());
}

}  // namespace crowd

int main(int argc, char **argv) {
  long count = argc > 1 ? std::atol(argv[1]) : 1;
  crowd::Round round(count);
  std::vector<std::thread> threads;
  for (long i = 1; i < count; i++)
    threads.emplace_back([&round, i] { round.work(i); });
  round.work(0);
  for (auto &thread : threads)
    thread.join();
  crowd::done(round);
  return 0;
}
