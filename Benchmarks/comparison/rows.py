# SPDX-License-Identifier: GPL-3.0-only
"""The rows of the table: what is run, and how often in one measure."""

import dataclasses
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parents[1]
SOURCES = HERE / "rows"
WORK = HERE / "work"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    command: tuple
    what: str
    group: str  # plain, threads, jit, start or micro
    repeats: int = 1  # runs in one native measure
    peer_repeats: int = 1  # runs in one measure under a peer, which may be far slower
    stdin: pathlib.Path = pathlib.Path("/dev/null")


def program(name):
    """The file of a command, since what is measured must not include a search or a wrapper."""
    for directory in ("/usr/bin", "/bin", "/usr/local/bin"):
        path = pathlib.Path(directory) / name
        if path.exists():
            return str(path)
    return shutil.which(name) or name


def compiler():
    """gcc's compiler proper for C."""
    done = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True)
    return done.stdout.strip() or "cc1"


def rows():
    data = str(WORK / "data")
    return [
        Row("python", (program("python3"), "-I", str(SOURCES / "python.py")),
            "python3: method calls, loops, dictionaries, recursion", "plain"),
        Row("perl", (program("perl"), str(SOURCES / "perl.pl")),
            "perl: regular expressions, hashes, sorting, recursion", "plain"),
        Row("cc1", (compiler(), "-quiet", "-fpreprocessed", "-O2", "-w", str(WORK / "unit.i"),
                    "-o", "/dev/stdout"),
            "gcc's cc1 -O2 on a preprocessed file of 0.9 MB", "plain"),
        Row("bzip2", (program("bzip2"), "-c", data), "bzip2 of 30 MB", "plain"),
        Row("xz", (program("xz"), "-3", "-T1", "-c", data), "xz -3 of 30 MB", "plain"),
        Row("gzip", (program("gzip"), "-6", "-n", "-c", data), "gzip -6 of 30 MB", "plain"),
        Row("sqlite", (program("sqlite3"), "-batch", "-init", "/dev/null", ":memory:"),
            "sqlite3: inserts, joins, groups, windows, recursive queries", "plain",
            stdin=SOURCES / "queries.sql"),
        Row("fib", (str(WORK / "fib"), "42"), "recursive fib(42), C, PIE", "plain"),
        Row("virtual", (str(WORK / "virtual"),), "C++ virtual calls over 64 objects", "plain"),
        Row("lua", (program("lua5.4"), str(SOURCES / "work.lua"), "3", "29"),
            "lua5.4: tables, method calls, recursion", "plain"),
        Row("node", (program("node"), str(SOURCES / "work.js")),
            "node: classes, typed arrays, maps, sorting", "jit"),
        Row("luajit", (program("luajit"), str(SOURCES / "work.lua"), "10", "35"),
            "luajit: the same as lua, more of it", "jit"),
        Row("java", (program("java"), "-Xshare:auto", "-cp", str(WORK), "Work"),
            "java: virtual calls, arrays, strings, maps, exceptions", "jit"),
        Row("threads2", (str(WORK / "threads"), "2", "60"), "2 threads: sorting, searching, locks, barriers",
            "threads"),
        Row("threads8", (str(WORK / "threads"), "8", "15"), "8 threads, the same work together", "threads"),
        Row("true", (program("true"),), "start-up of true", "start", 100, 10),
        Row("bash", (program("bash"), "--norc", "-c", ":"), "start-up of bash -c :", "start", 50, 5),
        Row("python-start", (program("python3"), "-c", "pass"), "start-up of python3 -c pass",
            "start", 20, 3),
        Row("java-start", (program("java"), "-Xshare:auto", "-version"), "start-up of java -version", "start", 10, 2),
        Row("node-start", (program("node"), "-e", "0"), "start-up of node -e 0", "start", 10, 2),
        Row("processes", (program("dash"), str(SOURCES / "processes.sh")), "a shell script of 500 processes",
            "start"),
        Row("leaf64", (str(WORK / "leaf64"), "400000000"), "leaf calls from 64 sites", "micro"),
        Row("leaf4096", (str(WORK / "leaf4096"), "400000000"), "leaf calls from 4,096 sites",
            "micro"),
        Row("threaded", (str(WORK / "threaded"), "1000000"),
            "threaded interpreter, 16 handlers, 512 operations", "micro"),
    ]
