# SPDX-License-Identifier: GPL-3.0-only
"""gdb commands for programs that run under xv-gdbstub: `help xv` lists them.

Load it with `source share/gdb/xv.py`, in gdb or in ~/.gdbinit.
"""

import os
import re
import tempfile

import gdb


def monitor(command):
    """What the stub prints for a monitor command."""
    try:
        return gdb.execute("monitor xv " + command, to_string=True)
    except gdb.error as error:
        raise gdb.GdbError(f"xv {command}: {error}. Is the program run by xv-gdbstub (target remote)?")


def address_of(words):
    """The address that an expression means, or that of the selected frame's pc."""
    text = words.strip() or "$pc"
    try:
        value = gdb.parse_and_eval(text)
    except gdb.error as error:
        raise gdb.GdbError(str(error))
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_FUNC:
        value = value.address
    return int(value) & (1 << 64) - 1


class XV(gdb.Command):
    """Ask about the translator under which the program runs.

The program's code is not executed itself: xv-gdbstub translates it block by block."""

    def __init__(self):
        super().__init__("xv", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)


class Stats(gdb.Command):
    """Print the translator's counters.

Usage: xv stats [WORD]
With WORD only the counters whose names contain it."""

    def __init__(self):
        super().__init__("xv stats", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for line in monitor("stats").splitlines():
            if argument.strip() in line.split("  ")[0]:
                print(line)


class Block(gdb.Command):
    """Print a block's original and translated code, side by side.

Usage: xv block [EXPRESSION]
The block that contains the address (a function's name means its first instruction); without an
expression the one at $pc. Code that was not executed yet is translated for it."""

    def __init__(self):
        super().__init__("xv block", gdb.COMMAND_DATA, gdb.COMPLETE_SYMBOL)

    def invoke(self, argument, from_tty):
        print(monitor(f"block {address_of(argument):#x}"), end="")


class Gather(gdb.Command):
    """Make an inferior of each world that the server has (xv-gdbstub --world A --world B ...).

Usage: xv gather
The connection must be of the kind `target extended-remote'. Afterwards `info inferiors' lists the worlds, `inferior N'
chooses one, and `set schedule-multiple on' has them all go on together."""

    def __init__(self):
        super().__init__("xv gather", gdb.COMMAND_RUNNING, gdb.COMPLETE_NONE)

    def invoke(self, argument, from_tty):
        present = {inferior.pid for inferior in gdb.inferiors()}
        found = [int(number) for number in re.findall(r"^process (\d+): ", monitor("world"), re.M)]
        first = gdb.selected_inferior().num
        for number in found:
            if number in present:
                continue
            added = gdb.execute("add-inferior", to_string=True)
            gdb.execute("inferior " + re.search(r"Added inferior (\d+)", added)[1], to_string=True)
            gdb.execute(f"attach {number}", to_string=True)
        gdb.execute(f"inferior {first}", to_string=True)
        gdb.execute("info inferiors")


class Maps(gdb.Command):
    """Print the program's mappings; xv's own are left out.

Usage: xv maps [WORD]
With WORD only the lines that contain it: a path, a permission such as r-xp."""

    def __init__(self):
        super().__init__("xv maps", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE)

    def invoke(self, argument, from_tty):
        inferior = gdb.selected_inferior()
        if inferior.pid == 0:
            raise gdb.GdbError("xv maps: the program is not being run")
        with tempfile.TemporaryDirectory(prefix="xv-") as directory:
            # Read by the stub, which leaves its own lines out.
            path = os.path.join(directory, "maps")
            gdb.execute(f"remote get /proc/{inferior.pid}/maps {path}", to_string=True)
            with open(path) as file:
                for line in file:
                    if argument.strip() in line:
                        print(line, end="")


class Flush(gdb.Command):
    """Discard all translated code; what runs is translated anew.

Usage: xv flush
The program notices nothing."""

    def __init__(self):
        super().__init__("xv flush", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        print(monitor("flush"), end="")


class Collect(gdb.Command):
    """Discard the translated code that is not used any more.

Usage: xv collect"""

    def __init__(self):
        super().__init__("xv collect", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        print(monitor("collect"), end="")


class Relocate(gdb.Command):
    """Move xv's memory in the program to another place.

Usage: xv relocate [EXPRESSION]
To the address, or to any free place."""

    def __init__(self):
        super().__init__("xv relocate", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        place = f" {address_of(argument):#x}" if argument.strip() else ""
        print(monitor("relocate" + place), end="")


for command in (XV, Stats, Gather, Block, Maps, Flush, Collect, Relocate):
    command()
