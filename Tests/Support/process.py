# SPDX-License-Identifier: GPL-3.0-only
"""Runs programs with a limit, and sees whatever they leave behind.

This process becomes the reaper of its descendants: a process that outlives its parent is handed to
it, whatever group or session it moved to. So what is left behind can be seen, named and ended.
"""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Outcome:
    """What a program did: its output, and how it ended (None: its time was up)."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    def ending(self):
        if self.status is None:
            return "time limit"
        if self.status < 0:
            return f"signal {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"


def run(command, limit, stdin=b"", cwd=None, env=None):
    """Runs `command` to its end, or ends it and all it started after `limit` seconds."""
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=cwd, env=env, start_new_session=True)
    try:
        stdout, stderr = child.communicate(stdin, timeout=limit)
        return Outcome(child.returncode, stdout, stderr)
    except subprocess.TimeoutExpired as expired:
        stdout, stderr = expired.stdout or b"", expired.stderr or b""
        stop(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            stream.close()
        return Outcome(None, stdout, stderr)


def stop(child):
    """Ends a child and its group, and takes its status."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.kill()
    child.wait()


def descendants():
    """[(pid, command name, state)] of all processes below this one."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                text = file.read().decode("utf-8", "replace")
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        parents[int(entry)] = (int(parent), name, state)
    found = []
    frontier = {os.getpid()}
    while frontier:
        below = {pid for pid, (parent, _, _) in parents.items() if parent in frontier}
        found += [(pid, parents[pid][1], parents[pid][2]) for pid in sorted(below)]
        frontier = below
    return found


def left_behind(grace=2.0, known=()):
    """Names what is still there after `grace` seconds, and ends it. [] is what should be.

    A process that ends by itself within the grace has not been left behind: a shell's last
    background process may end a little after the shell.
    """
    deadline = time.monotonic() + grace
    while True:
        reap(known)
        rest = [entry for entry in descendants() if entry[0] not in known]
        if not rest:
            return []
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    for pid, _, _ in rest:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while any(entry[0] not in known for entry in descendants()):
        reap(known)
        time.sleep(0.01)
    return [f"{name} ({pid}, {state})" for pid, name, state in rest]


def reap(known=()):
    """Takes the status of children that were handed over and have ended, but not of `known`."""
    for pid, _, state in descendants():
        if state != "Z" or pid in known:
            continue
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass  # Not ours yet: its parent is still there.


def wait_until(condition, limit, what):
    """Waits until `condition()` is true; TimeoutError names `what` did not come."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what} did not come within {limit} s")
        time.sleep(0.005)
