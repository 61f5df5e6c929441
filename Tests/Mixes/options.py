# SPDX-License-Identifier: GPL-3.0-only
"""What is told of single threads: those that they make, and their ends (`QThreadOptions`)."""

import re

from mixes import LIMIT, Mix, Wrong
from client import thread_of


class ThreadOptions(Mix):
    """All threads stop together."""

    setup = ()

    def run(self, _):
        supported = self.connect(self.setup)
        if b"QThreadOptions=3" not in supported:
            raise Wrong(f"thread options are not told: {supported!r}")
        first = thread_of(self.first())
        self.set_options(b"QThreadOptions;1:" + first)
        stop = self.go()
        found = re.search(rb"clone:(p[0-9a-f]+\.[0-9a-f]+);", stop)
        if not found or thread_of(stop) != first:
            raise Wrong(f"no stop of {first!r} that tells of a new thread: {stop!r}")
        child = found[1]
        self.check_pc(child, self.standing(child))
        self.set_options(b"QThreadOptions;0;2:" + child)
        stop = self.go()
        if stop != b"w00;" + child:
            raise Wrong(f"the end of {child!r} is not told: {stop!r}")
        if child in self.client.threads():
            raise Wrong(f"{child!r} has ended and is in the list")
        if not self.client.ask(b"QThreadOptions;4").startswith(b"E"):
            raise Wrong("options are taken that nobody knows")
        self.set_enough()
        stop = self.go()
        if not stop.startswith(b"W00"):
            raise Wrong(f"the end is {stop!r}")

    def set_options(self, packet):
        if self.client.ask(packet) != b"OK":
            raise Wrong(f"{packet!r} is refused")

    def standing(self, thread):
        """The new thread's pc; it has not run."""
        pc = self.client.pc(thread)
        if thread not in self.client.threads() or pc is None:
            raise Wrong(f"the new thread {thread!r} does not stand still")
        return pc

    def first(self):
        return self.client.ask(b"?")

    def go(self):
        self.client.send(b"vCont;c")
        return self.client.reply() or b""


class NonStopThreadOptions(ThreadOptions):
    """Threads stop one by one."""

    setup = (b"QNonStop:1",)

    def first(self):
        stop = self.client.ask(b"?")
        self.fetched()
        return stop

    def go(self):
        if self.client.ask(b"vCont;c") != b"OK":
            raise Wrong("threads cannot go on")
        stop = self.client.notice(LIMIT)
        if stop is None:
            return b""
        self.fetched()
        return stop[len(b"Stop:"):]

    def fetched(self):
        if (more := self.client.ask(b"vStopped")) != b"OK":
            raise Wrong(f"a stop that nobody expects: {more!r}")
