// SPDX-License-Identifier: GPL-3.0-only
// CPU-bound code that is compiled while it runs, in four workers and in the main thread; deoptimization, regular
// expressions, typed arrays, a shared counter, promises and timers.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function compute(rounds) {
  const values = new Float64Array(2000);
  let sum = 0;
  for (let k = 0; k < rounds; k++) {
    for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * k) + values[(i * 7) % 2000] * 0.5;
    sum += values[k % 2000];
  }
  const table = {};
  for (let i = 0; i < 20000; i++) table['k' + (i % 500)] = (table['k' + (i % 500)] || 0) + i;
  return `${sum.toFixed(6)} ${Object.keys(table).length} ${table.k77}`;
}

// First always of one shape, then of many: what was compiled for one must be given up.
function shapes() {
  const area = (shape) => shape.width * shape.height;
  let sum = 0;
  for (let i = 0; i < 20000; i++) sum += area({ width: i, height: 2 });
  for (let i = 0; i < 2000; i++) {
    const shape = i % 3 ? { height: 0.5, width: i } : { name: 'n' + i, width: '3', height: i };
    if (i % 5 === 0) shape.more = i;
    sum += area(shape);
  }
  return sum;
}

function expressions() {
  const text = Array.from({ length: 3000 }, (_, i) => `word${i}=${i * i};`).join(' ');
  const matches = [...text.matchAll(/(?<name>[a-z]+\d+)=(\d+)(?=;)/g)];
  return matches.length + ' ' + matches[77][2] + ' ' + text.replace(/(\d)(\d)/g, '$2$1').length;
}

function throwing() {
  let caught = 0;
  const descend = (n) => (n ? descend(n - 1) : null.nothing);
  for (let i = 0; i < 500; i++) {
    try {
      descend(i % 50);
    } catch (error) {
      caught += error instanceof TypeError ? 1 : 0;
    }
  }
  try {
    (function forever() { forever(); forever(); })();
  } catch (error) {
    caught += error instanceof RangeError ? 1000 : 0;
  }
  return caught;
}

if (isMainThread) {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const results = [];
  let left = 4;
  for (let i = 0; i < 4; i++) {
    const worker = new Worker(__filename, { workerData: { number: i, shared } });
    worker.on('message', (message) => { results[i] = message; });
    worker.on('exit', async () => {
      if (--left) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(results.join('\n'));
      console.log(compute(200), shapes(), expressions(), throwing(), Atomics.load(shared, 0));
      console.log(eval('(function(n){return n*7})(6)'), 123456789012345678901234567890n ** 3n % 1000007n);
    });
  }
} else {
  for (let i = 0; i < 10000; i++) Atomics.add(workerData.shared, 0, 1);
  parentPort.postMessage(compute(150 + workerData.number * 10) + ' ' + shapes() + ' ' + throwing());
}
