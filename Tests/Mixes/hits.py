# SPDX-License-Identifier: GPL-3.0-only
"""A breakpoint that sixteen threads meet all the time: their hits are told one after the other."""

from mixes import Mix, Wrong

# Conditions: the constants 1 and 0.
TRUE = b";X3,220127"
FALSE = b";X3,220027"


class Hits(Mix):
    def run(self, _):
        self.connect()
        self.note(self.client.ask(b"?"))
        for condition in (b"", TRUE):
            self.condition = condition
            self.insert()
            if not self.is_inserted:
                raise Wrong("the breakpoint is not there")
            still = sum(self.hit_stands_still() for _ in range(60))
            if still < 20:
                raise Wrong(f"{still} of 60 hits were told without running anything, with {condition!r}")
            self.count()
            self.remove()
            self.move_on()
        self.condition = FALSE
        self.insert()
        before = self.entered
        self.move_on()
        if self.hits or self.client.word(self.symbols["entered"]) == before:
            raise Wrong("a hit whose condition is false stops, or nothing runs")
        self.remove()
        self.set_enough()
        if not self.go().startswith(b"W00"):
            raise Wrong("no end")

    def insert(self):
        packet = b"Z0,%x,1" % self.symbols["met"] + self.condition
        self.settle()
        if self.client.ask(packet) != b"OK":
            raise Wrong("a breakpoint cannot be inserted")
        self.is_inserted = True
        self.hits = len(self.waiting)
        self.entered = self.client.word(self.symbols["entered"])

    def hit_stands_still(self):
        """Whether another hit is told although nobody has passed since the last one."""
        before = self.client.word(self.symbols["entered"])
        told = self.hits
        self.let_go(None)
        self.note(self.go())
        if self.hits != told + 1:
            raise Wrong("a stop that is no hit")
        self.count()
        return self.client.word(self.symbols["entered"]) == before

    def move_on(self):
        """Lets all of them run for a while, until nobody stands where it stood."""
        for _ in range(50):
            self.let_go(None)
            self.client.send(b"vCont;c")
            stop = self.client.reply(0.05)
            if stop is None:
                self.client.interrupt()
                stop = self.client.reply() or b""
            self.note(stop)
            self.settle()
            if not self.leaving and not self.waiting:
                return
        raise Wrong("threads do not leave the breakpoint")

    def go(self):
        self.client.send(b"vCont;c")
        return self.client.reply() or b""
