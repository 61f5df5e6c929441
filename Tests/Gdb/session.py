# SPDX-License-Identifier: GPL-3.0-only
"""One run of gdb against one server."""

import os
import re
import shutil
import subprocess
import threading

from Support import process

# Nothing of the caller's environment: it lies on the guest's stack, and so moves what is printed.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent",
               "SHELL": "/bin/sh"}

SETTINGS = ["set width 0", "set height 0", "set confirm off", "set pagination off", "set style enabled off",
            "set debuginfod enabled off", "set auto-load off", "set trace-commands on"]


class Session:
    """What can be compared: gdb's transcript, the guest's output, its result file, how all ended."""

    def __init__(self):
        self.transcript = ""
        self.stdout = b""
        self.result = None
        self.problems = []


class Server:
    """A stub that serves one session, and its guest."""

    def __init__(self, command, directory):
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory,
            env=ENVIRONMENT, start_new_session=True)
        self.stdout = b""
        self.stderr = b""
        self.port = None
        self.ready = threading.Event()
        self.readers = [threading.Thread(target=self.read_stdout), threading.Thread(target=self.read_stderr)]
        for reader in self.readers:
            reader.start()

    def read_stdout(self):
        self.stdout = self.child.stdout.read()

    def read_stderr(self):
        for line in self.child.stderr:
            self.stderr += line
            found = re.match(rb"Listening on port (\d+)", line)
            if found:
                self.port = int(found[1])
                self.ready.set()
        self.ready.set()

    def wait(self, limit):
        """True if the server ended by itself within the limit; its output is complete then."""
        try:
            self.child.wait(limit)
            return True
        except subprocess.TimeoutExpired:
            return False

    def close(self):
        """Ends the server's group, if anything of it is left, and its readers."""
        process.stop(self.child)


def run(server_command, script, directory, limit):
    """Runs `script` against a server started by `server_command(program and arguments)`."""
    session = Session()
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    program = script.program()
    server = Server(server_command + [program, *script.arguments], directory)
    try:
        if not server.ready.wait(20) or server.port is None:
            session.problems.append(f"no 'Listening on port N' from the server: {server.stderr!r}")
            return session
        debugger = process.run(gdb_command(server.port, script, program), limit, cwd=directory, env=ENVIRONMENT)
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
        server.close()
        session.problems += [f"left behind: {name}" for name in process.left_behind()]
        for reader in server.readers:
            reader.join(10)
        server.child.stdout.close()
        server.child.stderr.close()
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


def gdb_command(port, script, program):
    command = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "gdb", "-nx", "-q", "-batch"]
    for setting in SETTINGS:
        command += ["-iex", setting]
    return command + ["-ex", f"target remote 127.0.0.1:{port}", "-x", script.path,
                      "-ex", f"echo end of {script.name}\\n", program]
