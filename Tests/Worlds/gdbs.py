# SPDX-License-Identifier: GPL-3.0-only
"""A gdb that is talked to line by line, so that several can work at the same time."""

import os
import selectors
import signal
import subprocess
import time

from Support import process
from Support.server import ENVIRONMENT

PROMPT = "<ready>\n"


class Gdb:
    def __init__(self, directory, program, port=None, settings=(), kind="remote"):
        command = ["gdb", "-nx", "-q"]
        for setting in ("set width 0", "set height 0", "set confirm off", "set pagination off", "set style enabled off",
                        "set debuginfod enabled off", "set sysroot /", "set remotetimeout 20",
                        "set prompt " + PROMPT.replace("\n", "\\n"), *settings):
            command += ["-iex", setting]
        self.child = subprocess.Popen(
            [*command, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=directory,
            env=ENVIRONMENT, start_new_session=True)
        self.text = ""
        self.last = ""
        self.until(PROMPT)
        self.greeting = self.do(f"target {kind} 127.0.0.1:{port}") if port else ""

    def send(self, line):
        self.last = line
        self.child.stdin.write((line + "\n").encode())
        self.child.stdin.flush()

    def until(self, text, limit=30):
        """What was printed up to and with `text`."""
        end = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            while text not in self.text:
                if not selector.select(max(0, end - time.monotonic())):
                    raise TimeoutError(f"gdb did not say {text!r} after {self.last!r}: {self.text[-600:]!r}")
                data = os.read(self.child.stdout.fileno(), 65536)
                if not data:
                    raise TimeoutError(f"gdb ended: {self.text[-600:]!r}")
                self.text += data.decode("utf-8", "replace")
        head, _, self.text = self.text.partition(text)
        return head + text

    def do(self, line, limit=30):
        """What gdb prints for a command, which has ended then."""
        self.send(line)
        return self.until(PROMPT, limit).removesuffix(PROMPT)

    def value(self, expression):
        return self.do(f"output/x {expression}").strip()

    def interrupt(self):
        os.kill(self.child.pid, signal.SIGINT)

    def close(self):
        """It is killed: its connection breaks."""
        process.stop(self.child)
        self.child.stdin.close()
        self.child.stdout.close()
