// SPDX-License-Identifier: GPL-3.0-only
// Classes, closures, typed arrays, maps, regular expressions and sorting.
'use strict';

class Shape {
  constructor(size) { this.size = size; }
  area() { return 0; }
}
class Square extends Shape {
  area() { return this.size * this.size; }
}
class Circle extends Shape {
  area() { return this.size * 3; }
}

let seed = 1;
const number = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8;

const shapes = Array.from({length: 1000}, (_, i) => new (i % 3 ? Square : Circle)(i % 17));
let area = 0;
for (let round = 0; round < 6000; round++) for (const shape of shapes) area += shape.area();

const sieve = new Uint8Array(4000000).fill(1);
for (let i = 2; i * i < sieve.length; i++)
  if (sieve[i]) for (let j = i * i; j < sieve.length; j += i) sieve[j] = 0;

const counts = new Map();
for (let i = 0; i < 400000; i++) {
  const key = 'k' + (number() % 5003);
  counts.set(key, (counts.get(key) || 0) + 1);
}
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
const sorted = Array.from({length: 300000}, number).sort((a, b) => a - b);
const text = Array.from({length: 40000}, () => `user${number() % 100}@host${number() % 9}.org`).join(' ');
const matches = text.match(/user(\d+)@host[0-4]\.org/g).length;

console.log(area, sieve.reduce((a, b) => a + b), counts.size, fib(32), sorted[150000], matches);
