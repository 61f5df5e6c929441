# SPDX-License-Identifier: GPL-3.0-only
"""gdb with windows (TUI) at a terminal: source, instructions and registers, drawn from what the server tells."""

import fcntl
import re
import struct
import termios
import time

from Support import paths, process
from Support.server import Server
from terminal import Missing, Terminal

GDB = ["/usr/bin/gdb", "-nx", "-q", "-tui", "-ex", "set debuginfod enabled off", "-ex", "set pagination off",
       "-ex", "set confirm off", "-ex", "set tui border-kind ascii"]
# What is typed, and what must have been drawn by the time of the next prompt.
STEPS = [
    (None, [rb"remote Thread \d"]),
    (b"break add", [rb"Breakpoint 1 at"]),
    (b"continue", [rb"Breakpoint 1, +add", rb"B\+>", rb"int sum = a \+ b"]),
    (b"layout asm", [rb"<add\+10> +mov", rb"B\+>"]),
    (b"stepi", [rb"<add\+13>", rb">"]),
    (b"layout regs", [rb"\(gdb\)"]),
    (b"stepi", [rb"Register group: general", rb"rip *0x[0-9a-f]+", rb"eflags *0x"]),
    (b"layout split", [rb"int sum = a \+ b"]),
    (b"finish", [rb"Value returned is", rb"<main\+\d+>"]),
    (b"tui disable", [rb"\(gdb\)"]),
    (b"kill", [rb"killed"]),
]
ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|[()][0AB]|[=>78M])")


def problems_with(server, directory):
    """Of a server's command line, which gets a port and the program."""
    program = paths.compiled(f"{paths.ROOT}/gdb-scripts/programs", "steps.c", ["-g", "-O0"])
    running = Server([*server, "127.0.0.1:0", program], directory)
    problems = []
    try:
        if not running.ready.wait(20) or running.port is None:
            return [f"no 'Listening on port N' from the server: {running.stderr!r}"]
        target = ["-ex", f"target remote 127.0.0.1:{running.port}", program]
        terminal = Terminal(GDB + target, directory, term="xterm")
        fcntl.ioctl(terminal.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        try:
            for typed, drawn in STEPS:
                if typed:
                    terminal.seen = len(terminal.text)
                    terminal.type(typed + b"\n")
                for pattern in drawn:
                    found(terminal, typed, pattern)
            terminal.type(b"quit\n")
            if terminal.end() != 0:
                problems.append(f"gdb ended with {terminal.status}")
        except Missing as missing:
            problems.append(str(missing))
        problems += terminal.close()
    finally:
        running.stop()
        problems += [f"left behind: {name}" for name in process.left_behind()]
        running.close()
    return problems


def found(terminal, typed, pattern, limit=20):
    """Waits until what has been drawn since something was typed, without where, has it."""
    deadline = time.monotonic() + limit
    while not re.search(pattern, ESCAPE.sub(b"", terminal.text[terminal.seen:])):
        left = deadline - time.monotonic()
        if left <= 0 or not terminal.read(left):
            raise Missing(f"after {typed}: no {pattern!r} in {ESCAPE.sub(b'', terminal.text[terminal.seen:])[-600:]!r}")
