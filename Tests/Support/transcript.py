# SPDX-License-Identifier: GPL-3.0-only
"""Transcripts without what differs from run to run, and their differences."""

import difflib
import functools
import os
import re
import subprocess

from Support import paths

EXPLAINED = os.path.join(paths.ROOT, "gdb-scripts", "explained")
# The server that xv-gdbstub is compared with.
REFERENCE = "gdbserver"

VOLATILE = [
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST:PORT"),
    (re.compile(r"\b([Pp]rocess|LWP|Thread|pid =|Remote target|child process) \d+(\.\d+)?"), r"\1 N"),
    (re.compile(r"\bThread N\.\d+"), "Thread N"),
    (re.compile(r"si_pid = \d+"), "si_pid = N"),
    (re.compile(r"\$port = \d+"), "$port = N"),
    (re.compile(re.escape(paths.ROOT) + "/"), ""),
]

# gdb and gdbserver before version 14 take AVX-512's registers from where Intel's processors keep them; AMD's keep
# them elsewhere, which cpuid tells (gdb's NEWS). What they print of these there is something else.
MISREAD = re.compile(r"(k[0-7]|[xyz]mm(1[6-9]|2\d|3[01])[hl]?) .*")


@functools.cache
def are_misread():
    with open("/proc/cpuinfo") as file:
        processor = file.read()
    if "GenuineIntel" in processor:
        return False
    words = subprocess.run(["gdb", "--version"], capture_output=True, text=True).stdout.split("\n")[0].split()
    return int(words[-1].split(".")[0]) < 14


def normalized(text, directory, chance=None):
    if are_misread():
        text = "\n".join(line for line in text.splitlines() if not MISREAD.fullmatch(line))
    text = text.replace(directory, "DIRECTORY")
    for pattern, replacement in VOLATILE:
        text = pattern.sub(replacement, text)
    # The columns of a table are as wide as process ids are.
    text = re.sub(r"^(?:\* | {2})(?:Num {2}Desc|Id {3}Target| *[\d.]+ +(?:process N|Thread N|<null>)).*$", lambda row: re.sub(" +", " ", row[0]),
                  text, flags=re.MULTILINE)
    return ["(chance)" if chance and chance.fullmatch(line) else line for line in text.splitlines()]


class Explanations:
    """gdb-scripts/explained/NAME (and `all`): paragraphs of `reason:`, `gdbserver:` and `xv:` lines.

    Instead of gdbserver, `reference` may be another server, explained in another folder. The words
    after `gdbserver:` and `xv:` are regular expressions for whole lines that only the one
    or only the other prints.
    """

    def __init__(self, name, folder=EXPLAINED, reference=REFERENCE):
        self.reference = reference
        self.patterns = []  # [side, pattern, file, used]
        for file in ("all", name):
            path = os.path.join(folder, file)
            if os.path.exists(path):
                self.read(path, file)

    def read(self, path, file):
        with open(path) as lines:
            reason = None
            for line in lines:
                key, colon, value = line.strip().partition(":")
                if key == "reason":
                    reason = value.strip()
                elif key in (self.reference, "xv"):
                    if not reason:
                        raise ValueError(f"{path}: a difference without a reason")
                    self.patterns.append([key, re.compile(value.strip()), file, False])
                elif not line.strip():
                    reason = None
                elif not line.startswith("#"):
                    raise ValueError(f"{path}: not understood: {line!r}")

    def explains(self, side, line):
        for entry in self.patterns:
            if entry[0] == side and entry[1].fullmatch(line):
                entry[3] = True
                return True
        return False

    def unused(self):
        """Explanations of this script alone that explained nothing: is the difference gone?"""
        return [f"{entry[0]}: {entry[1].pattern}"
                for entry in self.patterns if not entry[3] and entry[2] != "all"]


def differences(expected, actual, explanations):
    """Lines that only one side has and no explanation covers, with one line of context."""
    found = []
    matcher = difflib.SequenceMatcher(None, expected, actual, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        only = [(explanations.reference, line) for line in expected[a:b]] + [("xv", line) for line in actual[c:d]]
        left = [entry for entry in only if not explanations.explains(*entry)]
        if left:
            context = next((line for line in reversed(expected[:a]) if line.startswith("+")), "")
            found.append(f"after {context!r}:")
            found += [f"  {side + ':':10} {line}" for side, line in left]
    return found
