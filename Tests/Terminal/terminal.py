# SPDX-License-Identifier: GPL-3.0-only
"""A program at a terminal of its own, and somebody who types."""

import os
import pty
import re
import select
import time

from Support import process
from Support.server import ENVIRONMENT


class Missing(Exception):
    """What was expected did not appear."""


class Terminal:
    def __init__(self, command, directory, term="dumb"):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(command[0], command, dict(ENVIRONMENT, PS1="$ ", TERM=term, HISTFILE="/dev/null"))
        self.text = b""
        self.seen = 0
        self.status = None

    def expect(self, pattern, limit=20):
        """Waits until what has been printed since the last time matches; the match."""
        deadline = time.monotonic() + limit
        while True:
            found = re.search(pattern, self.text[self.seen:])
            if found:
                self.seen = len(self.text)
                return found
            left = deadline - time.monotonic()
            if left <= 0 or not self.read(left):
                raise Missing(f"no {pattern!r} after {self.text[-300:]!r}")

    def read(self, limit):
        """Takes more output; false when there will be none."""
        if not select.select([self.descriptor], [], [], limit)[0]:
            return True
        try:
            more = os.read(self.descriptor, 4096)
        except OSError:  # The last process has closed the terminal.
            return False
        self.text += more
        return bool(more)

    def type(self, text):
        os.write(self.descriptor, text)

    def end(self, limit=20):
        """Reads to the end; the exit status of the program, None if it does not end."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self.read(max(0, deadline - time.monotonic())):
            pass
        while self.status is None and time.monotonic() < deadline:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.status = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.01)
        return self.status

    def close(self):
        """Ends whatever is left; the names of what should not have been."""
        os.close(self.descriptor)  # Hangs the session up.
        left = process.left_behind()
        return [f"left behind: {name}" for name in left]
