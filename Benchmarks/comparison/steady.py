# SPDX-License-Identifier: GPL-3.0-only
"""Whether the machine is as fast as it can be at this moment.

On a virtual machine the host's other guests share the cores: the same work takes up to 1.7 times as long, for a second
or for minutes. A probe, native work of some 15 ms on each processor in turn, tells. It knows nothing of what is
measured, so that leaving out measures by it favours nobody.
"""

import os
import time

from .measure import run
from .rows import WORK

COMMAND = [str(WORK / "fib"), "36"]
TOLERANCE = 1.12  # of the shortest probe
PATIENCE = 20  # seconds that a measure waits for a quiet machine


class Steady:
    def __init__(self):
        self.processors = sorted(os.sched_getaffinity(0))
        self.shortest = {processor: float("inf") for processor in self.processors}
        self.counted = self.repeated = self.unsteady = 0
        for _ in range(40):
            self.is_quiet()

    def is_quiet(self):
        quiet = True
        for processor in self.processors:
            os.sched_setaffinity(0, [processor])
            _, wall, status = run(COMMAND, "/dev/null", WORK / "probe", 10)
            if status:
                raise SystemExit(f"compare: the probe of --steady, {' '.join(COMMAND)}, ended with status {status}; "
                                 "leave --steady out, or find out why")
            self.shortest[processor] = min(self.shortest[processor], wall)
            quiet = quiet and wall <= TOLERANCE * self.shortest[processor]
        os.sched_setaffinity(0, self.processors)
        return quiet

    def measure(self, once):
        """What `once` returns when the machine was quiet before and after it; the last result if it never was."""
        self.counted += 1
        end = time.monotonic() + PATIENCE
        while True:
            while not self.is_quiet() and time.monotonic() < end:
                pass
            result = once()
            if self.is_quiet():
                return result
            if time.monotonic() >= end:
                self.unsteady += 1
                return result
            self.repeated += 1

    def fact(self):
        return (f"a measure counts when a probe before and after it takes at most {TOLERANCE:.2f} times its least; "
                f"{self.counted} measures, {self.repeated} repeated, {self.unsteady} counted nevertheless")
