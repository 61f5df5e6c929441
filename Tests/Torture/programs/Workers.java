// SPDX-License-Identifier: GPL-3.0-only
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

/** Threads, garbage, exceptions, implicit null checks, stack overflow, division by zero, locks, compiled code. */
public class Workers {
  static int hashOrOne(Object object) {
    try {
      return object.hashCode();
    } catch (NullPointerException e) {
      return 1;
    }
  }

  static int divideOrTwo(int a, int b) {
    try {
      return a / b;
    } catch (ArithmeticException e) {
      return 2;
    }
  }

  static int descend(int depth) {
    if (depth == 0) throw new IllegalStateException("deep");
    return descend(depth - 1) + 1;
  }

  static int forever(int n) {
    return forever(n + 1) + 1;
  }

  static long work(int seed) {
    Random random = new Random(seed);
    long sum = 0;
    for (int i = 0; i < 20000; i++) {
      byte[][] garbage = new byte[20][];
      for (int j = 0; j < garbage.length; j++) {
        garbage[j] = new byte[random.nextInt(500)];
        sum += garbage[j].length;
      }
      sum += hashOrOne(i % 10 == 0 ? null : Integer.valueOf(i)) + divideOrTwo(i, i % 7);
      if (i % 100 == 0) {
        try {
          descend(50);
        } catch (IllegalStateException e) {
          sum += e.getMessage().length();
        }
      }
    }
    return sum;
  }

  public static void main(String[] arguments) throws Exception {
    ExecutorService executor = Executors.newFixedThreadPool(8);
    List<Future<Long>> futures = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      int seed = i;
      futures.add(executor.submit(() -> work(seed)));
    }
    long total = 0;
    for (Future<Long> future : futures) total += future.get();
    executor.shutdown();

    int overflows = 0;
    for (int i = 0; i < 3; i++) {
      try {
        forever(0);
      } catch (StackOverflowError e) {
        overflows++;
      }
    }

    ConcurrentHashMap<Integer, Integer> map = new ConcurrentHashMap<>();
    AtomicLong counter = new AtomicLong();
    Object lock = new Object();
    long[] plain = {0};
    Thread[] threads = new Thread[8];
    for (int k = 0; k < threads.length; k++) {
      threads[k] = new Thread(() -> {
        for (int i = 0; i < 50000; i++) {
          map.merge(i % 1000, 1, Integer::sum);
          counter.incrementAndGet();
          if (i % 10 == 0) {
            synchronized (lock) {
              plain[0]++;
            }
          }
        }
      });
      threads[k].start();
    }
    for (Thread thread : threads) thread.join();
    System.gc();

    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 100000; i++) text.append(i % 10 == 0 ? String.format("%05d", i) : "x");
    Thread sleeper = new Thread(() -> {
      try {
        Thread.sleep(100000);
      } catch (InterruptedException e) {
        plain[0] += 1000000;
      }
    });
    sleeper.start();
    sleeper.interrupt();
    sleeper.join();
    System.out.println(total + " " + overflows + " " + map.get(7) + " " + counter + " " + plain[0] + " " + text.toString().hashCode());
  }
}
