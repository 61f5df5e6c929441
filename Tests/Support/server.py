# SPDX-License-Identifier: GPL-3.0-only
"""A stub under test: gdbserver or xv-gdbstub, and what it and its guest print."""

import re
import subprocess
import threading

from Support import process

# Nothing of the caller's environment: it lies on the guest's stack, and so moves what is printed.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/dev/null",
               "SHELL": "/bin/sh"}

class Server:
    """A stub that serves one session, and its guest."""

    def __init__(self, command, directory, inherited=(), environment=None):
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory,
            env={**ENVIRONMENT, **(environment or {})}, start_new_session=True, pass_fds=inherited)
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

    def stop(self):
        """Ends the server's group, if anything of it is left."""
        process.stop(self.child)

    def close(self):
        """Ends the server and takes the rest of its output. Its guest must have ended, or be of its group."""
        self.stop()
        for reader in self.readers:
            reader.join(10)
        self.child.stdout.close()
        self.child.stderr.close()
