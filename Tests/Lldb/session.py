# SPDX-License-Identifier: GPL-3.0-only
"""A file of lldb-scripts/, and one run of lldb with it against one server."""

import glob
import os
import re
import shlex
import shutil
import subprocess
import threading

from Support import paths, process, variants
from Support.server import ENVIRONMENT, Server

SCRIPTS = os.path.join(paths.ROOT, "lldb-scripts")
PROGRAMS = [os.path.join(SCRIPTS, "programs"), os.path.join(paths.ROOT, "gdb-scripts", "programs")]

SETTINGS = ["use-color false", "auto-confirm true", "symbols.load-on-demand false",
            "symbols.enable-external-lookup false", "plugin.process.gdb-remote.packet-timeout 20",
            "interpreter.stop-command-source-on-error false"]

VOLATILE = [
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST:PORT"),
    (re.compile(r"\b([Pp]rocess|tid =|pid =) \d+"), r"\1 N"),
    # The two servers give the program environments of different sizes.
    (re.compile(r"0x0*7ff[0-9a-f]{9}\b"), "STACK"),
    (re.compile(re.escape(paths.ROOT) + "/"), ""),
]
NO_PLUGIN = re.compile("warning: This version of LLDB has no plugin for the language")
HEARD = "Process N (exited with|detached)"


class Script:
    """`# program:` names the source. There may follow: `# arguments:`; `# flags:` (of the compiler); `# chance:`, a
    regular expression of whole lines of the transcript that no two runs share; `# output:`, one of lines that the
    guest prints through lldb at any time; `# server:`, how lldb comes to its server: `connect` (the server has
    started the program; the default), `launch` (lldb starts the server, as LLDB_DEBUGSERVER_PATH says) or `platform`; `# each:` (words; the script runs
    once with each as the program's argument, in parentheses only with --all); `# long: yes` (only with --all); `# environment:` (of the program, with `connect`); `# flush:` (the shortest period of
    --torture); `# heard:`, a regular expression of the beginnings of further lines that lldb prints at any time.
    """

    def __init__(self, path):
        self.path = path
        self.name = self.title = os.path.splitext(os.path.basename(path))[0]
        head = {}
        with open(path) as file:
            for line in file:
                if not line.startswith("#"):
                    break
                key, colon, value = line[1:].partition(":")
                if colon:
                    head[key.strip()] = value.strip()
        self.source = head["program"]
        self.arguments = shlex.split(head.get("arguments", ""))
        self.flags = shlex.split(head.get("flags", "-g -O0"))
        self.chance = re.compile(head["chance"]) if "chance" in head else None
        self.output = re.compile(head["output"]) if "output" in head else None
        self.server = head.get("server", "connect")
        self.each = head.get("each", "").split()
        self.is_long = head.get("long") == "yes"
        self.environment = dict(word.split("=", 1) for word in shlex.split(head.get("environment", "")))
        self.flush = int(head.get("flush", "3"))
        self.heard = re.compile("|".join([HEARD] + [head[key] for key in ["heard"] if key in head]))

    def program(self):
        folder = next(each for each in PROGRAMS if os.path.exists(os.path.join(each, self.source)))
        return paths.compiled(folder, self.source, self.flags)


def find(names, everything):
    files = sorted(glob.glob(os.path.join(SCRIPTS, "*.lldb")))
    return list(variants.chosen(map(Script, files), names, everything))


class Reference(Server):
    """lldb-server, which tells its port through a pipe of its own."""

    def __init__(self, program, directory, environment):
        reading, writing = os.pipe()
        self.pipe = reading
        super().__init__(
            ["lldb-server-19", "gdbserver", "--pipe", str(writing), "127.0.0.1:0", "--", *program], directory,
            inherited=(writing,), environment=environment)
        os.close(writing)
        self.pipe_reader = threading.Thread(target=self.read_pipe)
        self.pipe_reader.start()

    def read_stderr(self):
        self.stderr = self.child.stderr.read()

    def read_pipe(self):
        with open(self.pipe, "rb") as pipe:
            text = pipe.read().strip(b"\0\n ")
        self.port = int(text) if text.isdigit() else None
        self.ready.set()

    def close(self):
        super().close()
        self.pipe_reader.join(10)


class Session:
    """What can be compared: lldb's transcript, the guest's output, how all ended."""

    def __init__(self):
        self.transcript = ""
        self.stdout = b""
        self.problems = []


class NoServer:
    """lldb starts its server itself."""

    stdout = stderr = b""

    def end(self):
        return []

    def close(self):
        pass


class Platform:
    """A server in platform mode, which goes on until it is told to end."""

    def __init__(self, program, switches, directory):
        self.socket_file = os.path.join(directory, "port")
        self.child = subprocess.Popen(
            [program, "platform", "--server", "--listen", "127.0.0.1:0", "--socket-file", self.socket_file, *switches],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=directory,
            env={**ENVIRONMENT, "HOME": directory}, start_new_session=True)
        self.stdout = self.stderr = b""
        process.wait_until(self.is_ready, 20, "the platform's port")

    def is_ready(self):
        if not os.path.exists(self.socket_file):
            return False
        with open(self.socket_file) as file:
            text = file.read().strip("\0\n ")
        self.port = int(text) if text.isdigit() else None
        return self.port is not None

    def end(self):
        process.stop(self.child)
        return []

    def close(self):
        self.stderr = self.child.stdout.read()
        self.child.stdout.close()


class Connected:
    """A server that has started the program and ends with its session."""

    def __init__(self, command, program, directory, environment=None):
        self.server = (Server(command + program, directory, environment=environment) if command
                       else Reference(program, directory, environment))
        if not self.server.ready.wait(20) or self.server.port is None:
            stderr = self.server.stderr
            self.close()
            raise RuntimeError(f"no port from the server: {stderr!r}")
        self.port = self.server.port

    def end(self):
        problems = []
        if not self.server.wait(20):
            problems.append("the server did not end with its session")
        elif self.server.child.returncode < 0:
            problems.append(f"the server died by signal {-self.server.child.returncode}")
        self.server.stop()
        return problems

    def close(self):
        self.server.close()
        self.stdout, self.stderr = self.server.stdout, self.server.stderr


def run(stub, switches, script, directory, limit):
    """Runs `script` against xv-gdbstub at `stub` with translator switches, or, without it, against lldb-server."""
    session = Session()
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    program = [script.program(), *script.arguments]
    environment = {**ENVIRONMENT, "HOME": directory}
    if script.server == "launch":
        server = NoServer()
        begin = [f"target create {program[0]}", f"settings set -- target.run-args {shlex.join(script.arguments)}"]
        if stub:
            environment["LLDB_DEBUGSERVER_PATH"] = stub
            for number, switch in enumerate(switches, 1):
                environment[f"LLDB_DEBUGSERVER_EXTRA_ARG_{number}"] = switch
    elif script.server == "platform":
        server = Platform(stub or "lldb-server-19", switches, directory)
        begin = ["platform select remote-linux", f"platform connect connect://127.0.0.1:{server.port}",
                 f"target create {program[0]}"]
    else:
        command = [stub, "--once", "--no-startup-with-shell", *switches, "127.0.0.1:0", "--"] if stub else None
        server = Connected(command, program, directory, script.environment)
        begin = [f"target create {program[0]}", f"gdb-remote 127.0.0.1:{server.port}"]
    try:
        debugger = process.run(lldb_command(begin, script), limit, cwd=directory, env=environment)
        session.transcript = debugger.stdout.decode("utf-8", "replace")
        if debugger.status is None:
            session.problems.append("lldb's time was up")
        elif debugger.status < 0:
            session.problems.append(f"lldb: {debugger.ending()}")
    finally:
        session.problems += server.end()
        session.problems += [f"left behind: {name}" for name in process.left_behind()]
        server.close()
    session.stdout = server.stdout
    if session.problems and server.stderr:
        session.problems.append(f"the server's last words: {server.stderr[-400:]!r}")
    return session


def lldb_command(begin, script):
    command = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "lldb-19", "-x", "-b"]
    for setting in SETTINGS:
        command += ["-O", f"settings set {setting}"]
    for line in begin:
        command += ["-o", line]
    return command + ["-s", script.path, "-o", f"script print('end of {script.name}')"]


def normalized(text, directory, script):
    text = text.replace(directory, "DIRECTORY").replace(script.path, script.name)
    for pattern, replacement in VOLATILE:
        text = pattern.sub(replacement, text)
    lines = [line.rstrip() for line in text.splitlines()]
    # lldb tells what it hears of the process between the commands, where it happens to be then.
    lines = [line for line in lines if line != "Process N resuming" and not NO_PLUGIN.match(line)]
    heard = [line for line in lines if script.heard.match(line)]
    lines = [line for line in lines if not script.heard.match(line)] + heard
    if script.output:
        printed = [line for line in lines if script.output.fullmatch(line)]
        lines = [line for line in lines if not script.output.fullmatch(line)] + printed
    return ["(chance)" if script.chance and script.chance.fullmatch(line) else line for line in lines]
