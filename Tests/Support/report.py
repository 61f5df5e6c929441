# SPDX-License-Identifier: GPL-3.0-only
"""One line a case while it runs, and the total as the last line."""

import sys
import time


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.began = 0.0

    def start(self, name):
        self.name = name
        self.began = time.monotonic()

    def finish(self, problems):
        """Ends the case; `problems` are lines, none of them: it passed."""
        seconds = time.monotonic() - self.began
        if problems:
            self.failed += 1
            print(f"FAILED  {self.name}  ({seconds:.1f} s)")
            for line in problems:
                print(f"        {line}")
        else:
            self.passed += 1
            print(f"ok      {self.name}  ({seconds:.1f} s)")
        sys.stdout.flush()

    def end(self):
        """Prints the total and ends the program."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)


def first_difference(expected, actual, left="native", right="xv"):
    """[] if equal, else a few lines that show where two byte strings part."""
    if expected == actual:
        return []
    a, b = expected.split(b"\n"), actual.split(b"\n")
    for number, (x, y) in enumerate(zip(a, b), 1):
        if x != y:
            return [f"line {number}:", f"  {left}: {x[:300]!r}", f"  {right}: {y[:300]!r}"]
    longer, rest = (left, a[len(b):]) if len(a) > len(b) else (right, b[len(a):])
    return [f"{len(rest)} lines more from {longer}, the first: {rest[0][:300]!r}"]
