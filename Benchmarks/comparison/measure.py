# SPDX-License-Identifier: GPL-3.0-only
"""One measure: processor and wall time of a command and all processes it starts.

The measuring process is a subreaper, so that processes whose parent ended without waiting for them
are still waited for here, and their time counted. Under xv the server is the command, and the
guest one of its descendants: the sum holds both, with all their threads.
"""

import ctypes
import dataclasses
import hashlib
import os
import pathlib
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


@dataclasses.dataclass(frozen=True)
class Measure:
    cpu: float
    wall: float
    output: str  # digest of what was written
    status: int  # as subprocess tells it: the exit status, or minus the signal


class Late(Exception):
    """The command was still running at its limit and has been ended."""


def become_subreaper():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def measure(command, stdin, output, limit, repeats=1, steady=None):
    """Runs the command `repeats` times; times are for one run, the output is the last one's.

    A run before them does not count: it brings the command's files into memory, which on some machines they
    leave when nobody has used them for half a minute, and lets xv keep its translations. `steady`: runs count
    when the machine is as fast as it can be.
    """
    warm = run(command, stdin, output, limit)[2]

    def times():
        runs = [run(command, stdin, output, limit) for _ in range(repeats)]
        return sum(once[0] for once in runs), sum(once[1] for once in runs), next(
            (once[2] for once in runs if once[2]), warm)

    cpu, wall, status = steady.measure(times) if steady else times()
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    return Measure(cpu / repeats, wall / repeats, digest, status)


def run(command, stdin, output, limit):
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(output) + ".err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C",
                   "XDG_CACHE_HOME": str(output.parent / "caches")}  # where xv keeps translations
    start = time.monotonic()
    pid = os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)
    late = []

    def end(*_):
        late.append(True)
        os.killpg(pid, signal.SIGKILL)

    previous = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        _, status, usage = os.wait4(pid, 0)
        wall = time.monotonic() - start
        cpu = usage.ru_utime + usage.ru_stime + orphans()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if late:
        raise Late()
    return cpu, wall, os.waitstatus_to_exitcode(status)


def orphans():
    """Ends and waits for what the command left running; the time it used."""
    cpu = 0.0
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            continue
        for left in pathlib.Path("/proc/self/task").glob("*/children"):
            for child in left.read_text().split():
                os.kill(int(child), signal.SIGKILL)
        time.sleep(0.001)
