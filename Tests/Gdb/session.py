# SPDX-License-Identifier: GPL-3.0-only
"""One run of gdb against one server."""

import os
import shutil

from Support import process
from Support.server import ENVIRONMENT, Server

SETTINGS = ["set width 0", "set height 0", "set confirm off", "set pagination off", "set style enabled off",
            "set debuginfod enabled off", "set auto-load off", "set trace-commands on"]


class Session:
    """What can be compared: gdb's transcript, the guest's output, its result file, how all ended."""

    def __init__(self):
        self.transcript = ""
        self.stdout = b""
        self.result = None
        self.problems = []


def run(server_command, script, directory, limit, settings=()):
    """Runs `script` against a server started by `server_command(program and arguments)`."""
    session = Session()
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    program = script.program()
    server = Server(server_command + ([] if script.extended else [program, *script.arguments]), directory,
                    environment=script.environment)
    try:
        if not server.ready.wait(20) or server.port is None:
            session.problems.append(f"no 'Listening on port N' from the server: {server.stderr!r}")
            return session
        debugger = process.run(gdb_command(server.port, script, program, settings), limit, cwd=directory, env=ENVIRONMENT)
        session.transcript = debugger.stdout.decode("utf-8", "replace")
        if debugger.status is None:
            session.problems.append("gdb's time was up")
        elif debugger.status < 0:
            session.problems.append(f"gdb: {debugger.ending()}")
        if not server.wait(20):
            session.problems.append("the server did not end with its session")
        elif server.child.returncode < 0:
            session.problems.append(f"the server died by signal {-server.child.returncode}")
    finally:
        server.stop()
        session.problems += [f"left behind: {name}" for name in process.left_behind()]
        server.close()
    session.stdout = server.stdout
    if session.problems and server.stderr:
        session.problems.append(f"the server's last words: {server.stderr[-400:]!r}")
    if script.result:
        try:
            with open(os.path.join(directory, script.result), "rb") as file:
                session.result = file.read()
        except FileNotFoundError:
            session.problems.append(f"the program did not write {script.result}")
    return session


def gdb_command(port, script, program, settings=()):
    command = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "gdb", "-nx", "-q", "-batch"]
    for setting in [*settings, *SETTINGS, *script.settings]:
        command += ["-iex", setting]
    if script.extended:
        command += ["-iex", f"set remote exec-file {program}", "-ex", f"set $port = {port}"]
    kind = "extended-remote" if script.extended else "remote"
    return command + ["-ex", f"target {kind} 127.0.0.1:{port}", "-x", script.path,
                      "-ex", f"echo end of {script.name}\\n", program]
