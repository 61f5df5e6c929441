# SPDX-License-Identifier: GPL-3.0-only
"""The commands of share/lldb/xv.py. lldb-server has nothing to compare them with: each must print what it promises."""

import os
import re

from Support import paths, process
from Support.server import ENVIRONMENT
import session

FILE = os.path.join(paths.ROOT, "share", "lldb", "xv.py")
PROGRAM = ("steps.c", ["-g", "-O0"])

# Commands, and what a line of each one's output must match.
EXPECTED = [
    ("help xv", r" +block +-- The block at an address.*"),
    ("help xv block", r"Syntax: xv block \[ADDRESS\]"),
    ("xv stats", r"units translated +[1-9][0-9]*"),
    ("xv block", r"0x[0-9a-f]+ .* \| 0x[0-9a-f]+ .*"),
    ("xv block scale", r"0x[0-9a-f]+ .*push.*"),
    ("xv block nonsense", r"error: 'nonsense' has no value.*"),
    ("xv block 1 2", r"error: usage: xv block \[ADDRESS\]"),
    ("xv maps", r"0x[0-9a-f]{16} 0x[0-9a-f]{16} +[0-9]+ KiB r-x .*/steps"),
    ("xv flush", r"all translated code is discarded"),
    ("xv collect", r"translated code is collected"),
    ("xv relocate", r"xv is at 0x[0-9a-f]+"),
    ("xv relocate 0x2f0000000000", r"xv is at 0x2f0000000000"),
    ("continue", r".*stop reason = breakpoint 1.*"),
    # What lldb prints of the end may come after the next command.
    ("process kill", r"(Process [0-9]+ exited .*)?"),
    ("xv stats", r"error: (there is no process that stands still|the server has no monitor commands.*)"),
]


def problems(stub, directory, limit):
    os.makedirs(directory, exist_ok=True)
    folder = session.PROGRAMS[1]
    program = paths.compiled(folder, *PROGRAM)
    server = session.Connected(
        [stub, "--once", "--no-startup-with-shell", "--guard", "127.0.0.1:0", "--"], [program], directory)
    words = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "lldb-19", "-x", "-b"]
    for setting in session.SETTINGS:
        words += ["-O", f"settings set {setting}"]
    lines = [f"target create {program}", f"gdb-remote 127.0.0.1:{server.port}", f"command script import {FILE}",
             "breakpoint set --name add", "continue", *(command for command, _ in EXPECTED)]
    with open(os.path.join(directory, "script"), "w") as script:
        script.writelines(f"{line}\n" for line in lines)
    found = []
    try:
        outcome = process.run(
            words + ["-s", "script"], limit, cwd=directory, env={**ENVIRONMENT, "HOME": directory})
        text = outcome.stdout.decode("utf-8", "replace")
        if outcome.status != 0:
            found.append(f"lldb: {outcome.ending()}")
    finally:
        found += server.end()
        found += [f"left behind: {name}" for name in process.left_behind()]
        server.close()
    # Each command stands behind lldb's prompt, what it printed below.
    rest = text
    for command, pattern in EXPECTED:
        _, prompt, rest = rest.partition(f"(lldb) {command}\n")
        printed = rest.partition("(lldb) ")[0]
        if not prompt:
            found.append(f"'{command}' was not carried out")
        elif not any(re.fullmatch(pattern, line.rstrip()) for line in printed.splitlines() or [""]):
            found.append(f"'{command}' printed {printed[:300]!r}")
    return found
