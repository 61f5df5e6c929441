# SPDX-License-Identifier: GPL-3.0-only
"""Threads, subprocesses, a pool of processes, asyncio, signals and mmap in one program."""

import asyncio
import concurrent.futures
import ctypes
import mmap
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading


def square(number):
    return number * number, os.getpid() != PARENT


def threads():
    todo, results, lock = queue.Queue(), [], threading.Lock()

    def work():
        while (number := todo.get()) is not None:
            value = sum(i * i % 7 for i in range(number * 20))
            with lock:
                results.append(value)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for number in range(200):
        todo.put(number)
    for _ in workers:
        todo.put(None)
    for worker in workers:
        worker.join()
    return sum(results), len(results)


def subprocesses():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = pool.map(lambda n: subprocess.run(["/bin/sh", "-c", f"read x; echo $((x * {n})); exit {n}"],
                                                 input=b"7\n", capture_output=True), range(40))
        return [(run.returncode, run.stdout) for run in runs][-3:]


async def tasks():
    process = await asyncio.create_subprocess_exec("/bin/cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text, _ = await process.communicate(b"through cat")
    total = sum(await asyncio.gather(*(asyncio.sleep(0.001 * (i % 5), i) for i in range(200))))
    return text, total


def signals():
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    for _ in range(200):
        os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while seen.count(signal.SIGALRM) < 20:
        sum(range(1000))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return seen.count(signal.SIGUSR1)


def foreign():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    array = (ctypes.c_int * 500)(*[(i * 7919) % 503 for i in range(500)])
    ctypes.CDLL(None).qsort(array, 500, 4, compare(lambda a, b: a[0] - b[0]))
    return list(array) == sorted(array)


PARENT = os.getpid()
if __name__ == "__main__":
    print(threads())
    print(subprocesses())
    print(asyncio.run(tasks()))
    print(signals(), foreign())
    shared = mmap.mmap(-1, 4096)
    for number in range(20):
        if os.fork() == 0:
            shared[number] = number + 1
            os._exit(number)
    print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(20)), sum(shared[:20]))
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(3) as pool:
            results = pool.map(square, range(50))
        if method == "fork":
            print(sum(value for value, _ in results), all(other for _, other in results))
        else:
            print(sum(value for value, _ in results))
    sys.exit(3)
