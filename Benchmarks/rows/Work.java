// SPDX-License-Identifier: GPL-3.0-only
// Virtual calls, arrays, strings, hash maps, exceptions and garbage, all of it compiled by the JIT in the end.
import java.util.ArrayList;
import java.util.HashMap;

public class Work {
  interface Shape { double area(); }
  record Square(double side) implements Shape { public double area() { return side * side; } }
  record Circle(double radius) implements Shape { public double area() { return 3 * radius * radius; } }

  static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

  static long sieve(int size) {
    boolean[] composite = new boolean[size];
    long primes = 0;
    for (int i = 2; i < size; i++) {
      if (composite[i]) continue;
      primes++;
      for (long j = (long) i * i; j < size; j += i) composite[(int) j] = true;
    }
    return primes;
  }

  static int thrown(int n) {
    int caught = 0;
    for (int i = 0; i < n; i++) {
      try {
        if (i % 5 == 0) throw new IllegalStateException("five");
      } catch (IllegalStateException e) {
        caught++;
      }
    }
    return caught;
  }

  public static void main(String[] arguments) {
    ArrayList<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < 1000; i++) shapes.add(i % 3 == 0 ? new Circle(i % 17) : new Square(i % 13));
    double area = 0;
    for (int round = 0; round < 20000; round++) for (Shape shape : shapes) area += shape.area();
    HashMap<String, Integer> counts = new HashMap<>();
    for (int i = 0; i < 3_000_000; i++) counts.merge("key" + i * 31 % 5003, 1, Integer::sum);
    System.out.println(area + " " + counts.size() + " " + fib(38) + " " + sieve(5_000_000) + " " + thrown(200_000));
  }
}
