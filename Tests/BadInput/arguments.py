# SPDX-License-Identifier: GPL-3.0-only
"""Command lines that cannot work: a clear message on standard error, a status that is not 0, nothing left."""

import os
import re
import socket
import struct

from Support import process


def elf(bits, machine, kind=2):
    """The 64 bytes of an ELF header for another machine."""
    ident = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    if bits == 32:
        return ident + struct.pack("<HHIIIIIHHHHHH", kind, machine, 1, 0x8048000, 52, 0, 0, 52, 32, 1, 40, 0, 0) + bytes(64)
    return ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x400000, 64, 0, 0, 64, 56, 1, 64, 0, 0) + bytes(64)


# name, content (None: there is no such file), mode, what the message must say besides the path.
FILES = [
    ("missing", None, 0, r"No such file|not found|does not exist"),
    ("not-executable", b"#!/bin/sh\n", 0o644, r"[Pp]ermission denied|not executable"),
    ("elf-32-bit", elf(32, 3), 0o755, r"32-bit|64-bit|x86-64|[Ee]xec format"),
    ("elf-aarch64", elf(64, 183), 0o755, r"x86-64|machine|AArch64|[Ee]xec format"),
    ("elf-cut-short", elf(64, 62)[:20], 0o755, r"ELF|[Ee]xec format"),
    ("elf-object", elf(64, 62, kind=1), 0o755, r"ELF|[Ee]xec format|executable"),
    ("text-without-interpreter", b"echo no\n", 0o755, r"ELF|[Ee]xec format|#!"),
    ("empty", b"", 0o755, r"ELF|[Ee]xec format|empty"),
    ("interpreter-missing", b"#!/nonexistent/interpreter\n", 0o755, r"No such file|not found|interpreter"),
    ("interpreter-empty", b"#!\n", 0o755, r"[Ee]xec format|interpreter|ELF|No such"),
]


# What the stub starts programs through: dash runs by itself what the kernel does not know, bash looks first.
SHELLS = ["/bin/sh", "/bin/bash"]


def refusal(command, words, directory, **environment):
    """Problems of a command that must refuse with `words` in its message."""
    outcome = process.run(command, 5, cwd=directory, env={**os.environ, **environment})
    found = [f"left behind: {name}" for name in process.left_behind()]
    message = outcome.stderr.decode("utf-8", "replace")
    if outcome.status is None or outcome.status <= 0:
        found.append(f"ended with {outcome.ending()}")
    if not re.search(words, message):
        found.append(f"the message does not say /{words}/: {message[-300:]!r}")
    if re.search(r"Fatal error|Stack dump|Current stack trace", message):
        found.append(f"a crash, not a message: {message[:300]!r}")
    if re.search(r"\b[a-z]+[A-Z]\w*\(\w+: ", message):
        found.append(f"a value of the source, not a message: {message[:300]!r}")
    return found


def files(xv, stub, directory):
    """(name, problems) of programs that cannot be run, under both programs."""
    for name, content, mode, words in FILES:
        path = os.path.join(directory, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, mode)
        said = re.escape(name) + r"(.|\n)*(" + words + r")|(" + words + r")(.|\n)*" + re.escape(name)
        # A file that root may not execute either; the kernel decides by the mode's x bits.
        yield f"xv: {name}", lambda: refusal([xv, path], said, directory)
        for shell in SHELLS:
            yield (f"xv-gdbstub: {name} ({shell})",
                   lambda: refusal([stub, "--once", "127.0.0.1:0", "--", path], said, directory, SHELL=shell))
    directory_words = r"[Dd]irectory|regular file|[Pp]ermission denied|not executable"
    yield "xv: a directory", lambda: refusal([xv, "/usr"], directory_words, directory)
    yield "xv-gdbstub: a directory", lambda: refusal([stub, "--once", ":0", "--", "/usr"], directory_words, directory)


def options(xv, stub, directory):
    """(name, problems) of wrong options and addresses."""
    usage = r"[Uu]sage|USAGE|--help"
    yield "xv: nothing to run", lambda: refusal([xv], usage, directory)
    yield "xv: unknown option", lambda: refusal([xv, "--frobnicate", "/bin/true"], r"frobnicate", directory)
    for torture in ("nonsense", "flush=", "flush=-1", "flush=x"):
        yield (f"xv: --torture {torture}",
               lambda: refusal([xv, "--torture", torture, "/bin/true"], r"torture|flush", directory))
    # Without the right to raise it (CAP_SYS_RESOURCE).
    limited = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "bash", "-c", 'ulimit -f 100; exec "$@"', "bash"]
    for kind, command in (("xv", [xv]), ("xv-gdbstub", [stub, "--once", "--no-startup-with-shell", "127.0.0.1:0", "--"])):
        yield (f"{kind}: small limit of files",
               lambda: refusal([*limited, *command, "/bin/true"], r"cannot run /bin/true: .*ulimit -Hf\) is 100 KiB", directory))
    yield "xv: log in no directory", lambda: refusal([xv, "-v", "--log", "/nonexistent/log", "/bin/true"], r"nonexistent", directory)
    yield "xv-gdbstub: nothing at all", lambda: refusal([stub], usage, directory)
    yield "xv-gdbstub: nothing to run", lambda: refusal([stub, ":0"], r"[Uu]sage|USAGE|[Pp]rogram|PROG|--help", directory)
    for address in ("nonsense", ":99999", ":x", "127.0.0.1:", "256.1.1.1:0", "no.such.host.invalid:0"):
        yield (f"xv-gdbstub: address {address}",
               lambda: refusal([stub, "--once", address, "--", "/bin/true"], re.escape(address.rpartition(":")[0] or address.strip(":")), directory))
    yield ("xv-gdbstub: socket in no directory",
           lambda: refusal([stub, "--once", "unix:/nonexistent/s", "--", "/bin/true"], r"nonexistent", directory))

    def port_in_use():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            return refusal([stub, "--once", f"127.0.0.1:{port}", "--", "/bin/true"],
                           rf"{port}(.|\n)*in use|in use(.|\n)*{port}", directory)
    yield "xv-gdbstub: port in use", port_in_use
