# SPDX-License-Identifier: GPL-3.0-only
"""The files the rows work on: made once, the same on every machine with the same compiler."""

import pathlib
import random
import struct
import subprocess

from .rows import SOURCES, WORK

SIZE = 30_000_000

# Target, sources, command.
BUILDS = [
    ("fib", "fib.c", ["gcc", "-O2", "-fPIE", "-pie"]),
    ("virtual", "virtual.cc", ["g++", "-O2", "-fPIE", "-pie"]),
    ("leaf64", "leafcalls.c", ["gcc", "-O2", "-fPIE", "-pie", "-DSITES=64"]),
    ("leaf4096", "leafcalls.c", ["gcc", "-O2", "-fPIE", "-pie", "-DSITES=4096"]),
    ("threaded", "threaded.c", ["gcc", "-O2", "-fPIE", "-pie"]),
    ("threads", "threads.c", ["gcc", "-O2", "-pthread"]),
    ("unit.i", "unit.c", ["gcc", "-E"]),
]


def data():
    """30 MB: four fifths text of words in natural frequencies, binary records, and noise."""
    source = random.Random(20261121)
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    words = ["".join(source.choices(letters, range(26, 0, -1), k=source.randint(2, 9)))
             for _ in range(20_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    pool = b"".join(random_text(source, words, weights) for _ in range(4))
    parts, size = [], 0
    while size < SIZE:
        at = source.randrange(len(pool) - 30000)
        text = pool[at:at + source.randint(2000, 30000)]
        records = b"".join(
            struct.pack("<IHHd", 1_700_000_000 + number * 7, number & 63, 4096 + number % 9, number * 0.5)
            for number in range(source.randrange(1000), source.randrange(1000, 1100)))
        noise = source.randbytes(source.randint(0, 1500))
        parts += [text, records[:3000], noise]
        size += sum(map(len, parts[-3:]))
    return b"".join(parts)[:SIZE]


def random_text(source, words, weights):
    chosen = source.choices(words, weights, k=40_000)
    return (" ".join(chosen[i] + (".\n" if i % 17 == 16 else "") for i in range(len(chosen)))).encode()


def prepare():
    """Makes what is not there or older than its source."""
    WORK.mkdir(exist_ok=True)
    made = pathlib.Path(__file__)
    if not newer(WORK / "data", made):
        (WORK / "data").write_bytes(data())
    for target, source, command in BUILDS:
        if newer(WORK / target, SOURCES / source, made):
            continue
        done = subprocess.run([*command, str(SOURCES / source), "-o", str(WORK / target)],
                              capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise SystemExit(f"compare: {' '.join(command)} {source}:\n{done.stderr}")
    if not newer(WORK / "Work.class", SOURCES / "Work.java"):
        subprocess.run(["javac", "-d", str(WORK), str(SOURCES / "Work.java")], check=True, timeout=300)


def newer(target, *sources):
    return target.exists() and all(
        target.stat().st_mtime >= source.stat().st_mtime for source in sources)
