# SPDX-License-Identifier: GPL-3.0-only
"""A program that runs natively and is attached to, and what can be seen of it from outside."""

import mmap
import os
import resource
import struct
import subprocess
import tempfile

from Support import process
from Support.server import ENVIRONMENT


class Target:
    """One run of a program of guests/. Its progress is a counter in a file that both sides map."""

    def __init__(self, program, *arguments):
        self.file = tempfile.NamedTemporaryFile(prefix="xv-attach-")
        os.ftruncate(self.file.fileno(), 4096)
        self.memory = mmap.mmap(self.file.fileno(), 4096)
        self.child = subprocess.Popen(
            [program, self.file.name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=ENVIRONMENT, start_new_session=True)
        self.pid = self.child.pid
        self.ended = False

    def wait_ready(self):
        """Waits until the program says so."""
        line = self.child.stdout.readline()
        if line != b"ready\n":
            raise RuntimeError(f"the program said {line!r}")

    @property
    def progress(self):
        return struct.unpack("Q", self.memory[:8])[0]

    def wait_progress(self, more=1, limit=20):
        goal = self.progress + more
        process.wait_until(lambda: self.progress >= goal, limit, "progress")

    def wait_asleep(self, limit=20):
        """Waits until all threads sleep."""
        def asleep():
            return all(self.state(task) == "S" for task in os.listdir(f"/proc/{self.pid}/task"))
        process.wait_until(asleep, limit, "sleep")

    def state(self, task=None):
        with open(f"/proc/{self.pid}/task/{task or self.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def status(self, field):
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return line.split(None, 1)[1].strip()
        return None

    def view(self):
        """What must be the same before an attach and after a detach."""
        with open(f"/proc/{self.pid}/maps") as file:
            # Heaps and stacks grow by themselves.
            maps = [line.split()[0].partition("-")[0] + " " + " ".join(line.split()[1:]) for line in file]
        return {
            "mappings": [line for line in maps if "xv" in line],
            "protections": sorted({line for line in maps if "x" in line.split()[1]}),
            "descriptors": sorted(os.listdir(f"/proc/{self.pid}/fd")),
            "TracerPid": self.status("TracerPid"),
            "SigCgt": self.status("SigCgt"),
            "SigIgn": self.status("SigIgn"),
            "SigBlk": self.status("SigBlk"),
            "address space": resource.prlimit(self.pid, resource.RLIMIT_AS),
        }

    def end(self, text=b"x", limit=30):
        """Tells the program to end; returns what was wrong with its end."""
        try:
            output, _ = self.child.communicate(text, timeout=limit)
        except subprocess.TimeoutExpired:
            return [f"the program did not end (state {self.state()}, wchan {self.wchan()})"]
        self.ended = True
        problems = []
        if output != b"ok\n":
            problems.append(f"the program's own check: {output!r}")
        if self.child.returncode != 0:
            problems.append(f"the program ended with {self.child.returncode}")
        return problems

    def wchan(self):
        with open(f"/proc/{self.pid}/wchan") as file:
            return file.read()

    def close(self):
        if not self.ended:
            process.stop(self.child)
        for stream in (self.child.stdin, self.child.stdout):
            if stream:
                stream.close()
        self.memory.close()
        self.file.close()


def wait_detached(target, limit=10):
    """Waits until nobody traces the program; the server ends a moment after its last reply."""
    process.wait_until(lambda: target.status("TracerPid") == "0", limit, "TracerPid 0")
