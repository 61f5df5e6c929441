# SPDX-License-Identifier: GPL-3.0-only
"""Where the time of a row goes, by samples: translated code and what xv adds to it, the gate, the kernel, the server.

perf samples the processor's clock. An address in the cache says nothing by itself, so the memory that xv shares with the
program is kept open over the program's end, and what stands around the address tells what it is. What was thrown
away meanwhile may be taken for something else; that is little of what runs for long.
"""

import argparse
import bisect
import collections
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from .rows import HERE, WORK, rows
from .work import prepare

FREQUENCY = 5000  # samples a second of each processor's time
SHARED = "/memfd:xv"

# The rows of the table, in this order: what a sample of the program's is, then of the server's.
KINDS = ["code", "returns", "jumps", "calls", "registers", "gate", "kernel"]
SERVER = ["server", "server's kernel"]

# What xv writes into the cache beside the program's own instructions (docs/architecture.md, "Indirect branches").
WINDOW = rb"\x65\x48\x8b[\x0c\x14][\xcd\xd5]....\x65\x0f\xb7[\x80-\x97]\x4a....\x65\x48\x8b\x8c\xca....\xe3."
HALVES = rb"(?:\x8b\x0c\x24\x8b\x54\x24\x04|\xc4\xe3\xfb\xf0.\x20\x89\xd2.{0,1}\x8b.|\xc4\xe3\xfb\xf0.\x20.{2,6})?"
PATTERNS = [
    ("returns", re.compile(HALVES + WINDOW + rb"\x48\x89\x0c\x24\xc3", re.DOTALL)),
    ("jumps", re.compile(HALVES + WINDOW + rb"\xff\xe1", re.DOTALL)),
    ("calls", re.compile(HALVES + WINDOW + rb"(?:.{0,24}?\xff\xd1)?", re.DOTALL)),
    ("registers", re.compile(rb"\x65\x48(?:\x89|\x8b)[\x0c\x14]\x25....", re.DOTALL)),
    ("calls", re.compile(rb"\x48\x8d\x64\x24\x08", re.DOTALL)),  # what a call pushed is dropped
    ("calls", re.compile(rb"(?:\x68....|\xff\x35....)\xe8....", re.DOTALL)),
]


@dataclasses.dataclass
class Sampled:
    """The samples of one run: (process, address) and how often, and what of xv's the program had mapped."""
    samples: collections.Counter
    names: dict  # of a process: the command's name
    mappings: list  # process, first address, behind the last, offset in the shared memory
    shared: int | None  # descriptor of the shared memory


def children(process):
    for task in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        yield from map(int, task.read_text().split())


def shared_memory(process):
    for link in pathlib.Path(f"/proc/{process}/fd").iterdir():
        if os.readlink(link).startswith(SHARED):
            return os.open(link, os.O_RDONLY)
    return None


def mapped(process):
    for line in pathlib.Path(f"/proc/{process}/maps").read_text().splitlines():
        if SHARED in line and " r-xs " in line:
            where, _, offset = line.split()[:3]
            first, end = (int(part, 16) for part in where.split("-"))
            yield process, first, end, int(offset, 16)


def sample(command, stdin, environment):
    """Runs the command under perf. Who watches it takes some of the other processor's time, but little."""
    with tempfile.TemporaryDirectory() as place:
        data = f"{place}/perf.data"
        # Without -N -B perf links the programs' files into its cache, which makes them other files for xv.
        record = ["perf", "record", "-N", "-B", "-F", str(FREQUENCY), "-e", "cpu-clock", "-o", data, "--", *command]
        with open(stdin) as given:
            perf = subprocess.Popen(record, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    env=environment)
        shared, mappings = None, set()
        while perf.poll() is None:
            try:
                for top in children(perf.pid):
                    shared = shared_memory(top) if shared is None else shared
                    for program in children(top):
                        mappings.update(mapped(program))
            except OSError:
                pass  # one of them has ended
            time.sleep(0.02)
        if perf.returncode:
            sys.exit(f"profile: {' '.join(record)} ended with {perf.returncode}")
        script = subprocess.run(["perf", "script", "-i", data, "-F", "comm,pid,ip"], capture_output=True, text=True)
    samples, names = collections.Counter(), {}
    for line in script.stdout.splitlines():
        if found := re.match(r"\s*(.*?)\s+(\d+)\s+([0-9a-f]+)\s*$", line):
            process = int(found[2])
            names[process] = found[1]
            samples[process, int(found[3], 16)] += 1
    return Sampled(samples, names, sorted(mappings), shared)


def offset(run, process, address):
    for owner, first, end, start in run.mappings:
        if owner == process and first <= address < end:
            return start + address - first
    return None


class Cache:
    """What stands at offsets of the shared memory."""

    PAGE = 4096

    def __init__(self, shared, offsets):
        pages = sorted({around for at in offsets for around in range(at // self.PAGE - 1, at // self.PAGE + 2)
                        if around >= 0})
        self.found = {kind: ([], []) for kind, _ in PATTERNS}
        begin = 0
        for index, page in enumerate(pages):
            if index + 1 < len(pages) and pages[index + 1] == page + 1:
                continue
            first, begin = pages[begin], index + 1
            self.scan(os.pread(shared, (page + 1 - first) * self.PAGE, first * self.PAGE), first * self.PAGE)
        for spans in self.found.values():
            for bounds in spans:
                bounds.sort()

    def scan(self, text, base):
        taken = bytearray(len(text))
        for kind, pattern in PATTERNS:
            for match in pattern.finditer(text):
                if not taken[match.start()]:
                    taken[match.start():match.end()] = b"\1" * (match.end() - match.start())
                    self.found[kind][0].append(base + match.start())
                    self.found[kind][1].append(base + match.end())

    def kind(self, at):
        for kind, (starts, ends) in self.found.items():
            index = bisect.bisect_right(starts, at) - 1
            if index >= 0 and at < ends[index]:
                return kind
        return "code"


def split(run):
    """How many samples are of which kind."""
    if run.shared is None:
        sys.exit("profile: the program had ended before it could be looked at: take a row that runs for longer")
    at = {(process, address): offset(run, process, address) for process, address in run.samples}
    cache = Cache(run.shared, [place for place in at.values() if place is not None])
    server = {process for process, name in run.names.items() if name.startswith("xv")}
    counts = collections.Counter()
    for (process, address), number in run.samples.items():
        place = at[process, address]
        if process in server:
            kind = "server's kernel" if address >> 63 else "server"
        elif address >> 63:
            kind = "kernel"
        elif place is None:
            kind = "code"  # before the program was xv's
        elif place < 0x10000:
            kind = "gate"
        else:
            kind = cache.kind(place)
        counts[kind] += number
    os.close(run.shared)
    return counts


def native(run):
    """The same for a run without xv."""
    counts = collections.Counter()
    for (_, address), number in run.samples.items():
        counts["kernel" if address >> 63 else "code"] += number
    return counts


def line(name, who, counts, rounds):
    """A line of the table, milliseconds for one run."""
    cells = [f"{counts[kind] * 1000 / FREQUENCY / rounds:.0f}" if kind in counts else "" for kind in KINDS + SERVER]
    return f"| {name} | {who} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/profile")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, 3 if not said")
    parser.add_argument("--xv", type=pathlib.Path, default=HERE.parent / ".build/release/xv")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows of Benchmarks/compare, else all that take long")
    options = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("profile: perf is not here: apt-get install linux-perf")
    if not os.access(options.xv, os.X_OK):
        sys.exit(f"profile: {options.xv} is not there: build it (swift build -c release), or name it with --xv")
    known = {row.name: row for row in rows()}
    for name in options.rows:
        if name not in known:
            sys.exit(f"profile: no row '{name}'; there are: {', '.join(known)}")
    prepare()
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C", "XDG_CACHE_HOME": str(WORK / "caches")}
    print(f"| row, ms of processor time | | {' | '.join(KINDS + SERVER)} |", "|---|---|" + "---|" * len(KINDS + SERVER),
          sep="\n")
    picked = [known[name] for name in options.rows]
    for row in picked or [row for row in known.values() if row.group in ("plain", "jit", "threads")]:
        # The first run brings files into memory and lets xv keep its translations.
        runs = [sample(row.command, row.stdin, environment) for _ in range(options.rounds + 1)][1:]
        print(line(row.name, "native", sum(map(native, runs), collections.Counter()), options.rounds))
        command = [str(options.xv.resolve()), *row.command]
        runs = [sample(command, row.stdin, environment) for _ in range(options.rounds + 1)][1:]
        print(line("", "xv", sum(map(split, runs), collections.Counter()), options.rounds), flush=True)


if __name__ == "__main__":
    main()
