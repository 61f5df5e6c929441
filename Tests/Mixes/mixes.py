# SPDX-License-Identifier: GPL-3.0-only
"""Random commands to a program whose threads come and go, and what must hold whatever they are."""

import random
import re
import time

from client import Client, pc_of, thread_of

# What any answer may take on a busy machine.
LIMIT = 30


class Wrong(Exception):
    pass


class Mix:
    """One connection. What is told is compared with what the program itself has counted."""

    def __init__(self, port, symbols, seed):
        self.symbols = symbols
        self.random = random.Random(seed)
        self.client = Client(port, LIMIT)
        self.is_inserted = False
        self.hits = 0
        self.entered = 0
        # Threads whose hit was told and that were not resumed since.
        self.waiting = set()
        # Threads that were resumed since, and may not have moved: another one's stop was told without anything
        # running, or the stop came too soon.
        self.leaving = set()
        self.code = []

    def connect(self, setup=()):
        client = self.client
        supported = client.ask(b"qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;no-resumed+;xmlRegisters=i386")
        if client.ask(b"QStartNoAckMode") != b"OK":
            raise Wrong("acknowledgements cannot be turned off")
        for packet in setup:
            if client.ask(packet) != b"OK":
                raise Wrong(f"{packet!r} is refused")
        return supported

    # What holds at each stop.

    def learn_code(self, thread):
        """Where code of the program's own may be."""
        process = int(thread[1:].split(b".")[0], 16)
        self.code = []
        with open(f"/proc/{process}/maps", encoding="ascii") as file:
            for line in file:
                fields = line.split(maxsplit=5)
                name = fields[5].strip() if len(fields) > 5 else ""
                if (name.startswith("/") and "memfd" not in name) or name == "[vdso]":
                    start, end = fields[0].split("-")
                    self.code.append((int(start, 16), int(end, 16)))

    def check_pc(self, thread, pc):
        if any(start <= pc < end for start, end in self.code):
            return
        self.learn_code(thread)
        if not any(start <= pc < end for start, end in self.code):
            raise Wrong(f"thread {thread!r} stands at {pc:#x}, where the program has no code")

    def note(self, stop):
        """Takes a stop in; true when the program has ended."""
        if stop[:1] in b"WX":
            return True
        if stop[:1] == b"N":
            return False
        thread, pc = thread_of(stop), pc_of(stop)
        if thread is None or pc is None:
            raise Wrong(f"a stop without thread or pc: {stop!r}")
        self.check_pc(thread, pc)
        if b"swbreak" in stop:
            if pc != self.symbols["met"]:
                raise Wrong(f"a hit at {pc:#x} instead of {self.symbols['met']:#x}")
            if not self.is_inserted:
                raise Wrong("a hit of a breakpoint that was taken away")
            if thread in self.waiting:
                raise Wrong(f"a second hit of {thread!r} that did not move")
            self.hits += 1
            self.waiting.add(thread)
            self.leaving.discard(thread)
        elif pc != self.symbols["met"]:
            self.leaving.discard(thread)
        return False

    def let_go(self, moved):
        """Threads are about to be resumed; None: all."""
        gone = self.waiting & (self.waiting if moved is None else moved)
        self.waiting = self.waiting - gone
        self.leaving = self.leaving | gone

    def settle(self):
        """All threads stand still: which of them have left the breakpoint."""
        self.leaving = {thread for thread in self.leaving if self.client.pc(thread) == self.symbols["met"]}

    def count(self):
        """All threads stand still: each hit was told once, and none is missing."""
        if not self.is_inserted:
            return
        self.settle()
        done = self.client.word(self.symbols["entered"]) - self.entered
        told = self.hits - len(self.waiting)
        if not told - len(self.leaving) <= done <= told:
            raise Wrong(f"the program passed the breakpoint {done} times; {told} times it was told and left, "
                        f"{len(self.leaving)} of them perhaps not")

    def passes(self, thread, pc):
        """A step executes the instruction at a breakpoint; one that was not told would not be counted."""
        return pc == self.symbols["met"] and thread not in self.waiting

    def insert(self):
        """From here on hits are counted."""
        self.settle()
        if self.leaving:
            # Whether their hits were told nobody can say.
            return
        if self.client.ask(b"Z0,%x,1" % self.symbols["met"]) != b"OK":
            raise Wrong("a breakpoint cannot be inserted")
        self.is_inserted = True
        # They leave without another hit.
        self.hits = len(self.waiting)
        self.entered = self.client.word(self.symbols["entered"])

    def remove(self):
        if self.client.ask(b"z0,%x,1" % self.symbols["met"]) != b"OK":
            raise Wrong("a breakpoint cannot be removed")
        self.is_inserted = False

    def set_enough(self):
        if self.client.ask(b"M%x,4:01000000" % self.symbols["enough"]) != b"OK":
            raise Wrong("memory cannot be written")

    def look(self, threads):
        for thread in self.random.sample(threads, min(3, len(threads))):
            pc = self.client.pc(thread)
            if pc is not None:
                self.check_pc(thread, pc)


class AllStop(Mix):
    def run(self, actions):
        # A ^C whose stop is still to come.
        self.is_interrupted = False
        self.connect()
        if self.note(self.client.ask(b"?")):
            raise Wrong("the program has ended before it began")
        for _ in range(actions):
            self.act()
        if self.is_inserted:
            self.remove()
        self.set_enough()
        self.client.send(b"vCont;c")
        stop = self.client.reply()
        while stop is not None and stop[:1] == b"T":
            self.note(stop)
            self.client.send(b"vCont;c")
            stop = self.client.reply()
        if stop is None or not stop.startswith(b"W00"):
            raise Wrong(f"the end is {stop!r}")

    def act(self):
        threads = self.client.threads()
        if not threads:
            raise Wrong("no thread is left")
        thread = self.random.choice(threads)
        choice = self.random.random()
        if choice < 0.1:
            self.look(threads)
        elif choice < 0.25:
            self.change()
        elif choice < 0.5:
            self.resume(b"vCont;c", None)
        elif choice < 0.85:
            pc = self.client.pc(thread)
            if pc is None or self.passes(thread, pc):
                return
            if choice < 0.65:
                self.resume(b"vCont;s:" + thread + b";c", None)
            elif choice < 0.75:
                self.resume(b"vCont;s:" + thread, {thread})
            else:
                self.resume(b"vCont;r%x,%x:%s;c" % (pc & ~15, pc + 64, thread), None)
        elif choice < 0.95:
            self.resume(b"vCont;c:" + thread, {thread})
        else:
            some = self.random.sample(threads, min(4, len(threads)))
            self.resume(b"vCont" + b"".join(b";c:" + one for one in some), set(some))

    def change(self):
        if not self.is_inserted:
            self.insert()
        else:
            self.count()
            self.remove()

    def resume(self, packet, moved):
        before = self.waiting, self.leaving
        self.let_go(moved)
        self.client.send(packet)
        stop = self.client.reply(self.random.choice([0.001, 0.01, 0.05]))
        if self.is_interrupted and stop is not None and stop.startswith(b"T02"):
            # It came behind another stop: nothing has moved.
            self.is_interrupted = False
            self.waiting, self.leaving = before
        if stop is None:
            self.client.interrupt()
            self.is_interrupted = True
            stop = self.client.reply()
            if stop is None:
                raise Wrong(f"no stop after {packet!r} and ^C")
        if stop.startswith(b"T02"):
            self.is_interrupted = False
        if self.note(stop):
            raise Wrong(f"the program has ended: {stop!r}")
        self.count()


class NonStop(Mix):
    def run(self, actions):
        self.connect([b"QNonStop:1"])
        self.stopped = set()
        self.take(self.client.ask(b"?"))
        for _ in range(actions):
            self.act()
            self.collect(0.001)
        self.stop_all()
        self.count()
        if self.is_inserted:
            self.remove()
        self.set_enough()
        self.go(b"vCont;c", None)
        while True:
            stop = self.client.notice(LIMIT)
            if stop is None:
                raise Wrong("no end")
            if self.told(stop[5:]):
                break

    def take(self, stop):
        """A stop and those that wait behind it; the end's reply when one is among them."""
        end = None
        while stop != b"OK":
            if self.note(stop):
                end = stop
            else:
                self.stopped.add(thread_of(stop))
            stop = self.client.ask(b"vStopped")
        return end

    def told(self, stop):
        end = self.take(stop)
        if end is not None and not end.startswith(b"W00"):
            raise Wrong(f"the end is {end!r}")
        return end

    def collect(self, limit):
        while (stop := self.client.notice(limit)) is not None:
            if self.told(stop[5:]):
                raise Wrong("the program has ended")

    def go(self, packet, moved):
        moved = set(self.stopped) if moved is None else moved
        self.stopped -= moved
        self.let_go(moved)
        if self.client.ask(packet) != b"OK":
            raise Wrong(f"{packet!r} is refused")

    def act(self):
        threads = self.client.threads()
        standing = [thread for thread in threads if thread in self.stopped]
        running = [thread for thread in threads if thread not in self.stopped]
        choice = self.random.random()
        if choice < 0.15:
            self.change()
        elif choice < 0.3 and running:
            some = self.random.sample(running, min(self.random.choice([1, 1, 3]), len(running)))
            self.halt(some)
        elif choice < 0.4:
            self.stop_all()
            self.count()
        elif choice < 0.5:
            self.look(standing)
        elif choice < 0.75 and standing:
            some = self.random.sample(standing, min(self.random.choice([1, 4]), len(standing)))
            self.go(b"vCont" + b"".join(b";c:" + one for one in some), set(some))
        elif choice < 0.9 and standing:
            thread = self.random.choice(standing)
            if not self.passes(thread, self.client.pc(thread)):
                self.go(b"vCont;s:" + thread, {thread})
        elif standing:
            self.go(b"vCont;c", None)

    def change(self):
        """Breakpoints come and go while threads run; counted is only from a stop of all on."""
        if not self.is_inserted:
            self.stop_all()
            self.insert()
        elif self.random.random() < 0.5:
            self.stop_all()
            self.count()
            self.remove()
        else:
            self.remove()
            # Hits that were on their way.
            self.is_inserted = True
            self.stop_all()
            self.is_inserted = False

    def halt(self, threads):
        if self.client.ask(b"vCont" + b"".join(b";t:" + one for one in threads)) != b"OK":
            raise Wrong("threads cannot be stopped")
        self.wait_for(threads)

    def stop_all(self):
        while True:
            if self.client.ask(b"vCont;t") != b"OK":
                raise Wrong("threads cannot be stopped")
            threads = self.client.threads()
            self.wait_for(threads)
            # One may have been made meanwhile.
            if all(thread in self.stopped for thread in self.client.threads()):
                self.stopped &= set(self.client.threads())
                return

    def wait_for(self, threads):
        """Until each of them was told to stand still, or is gone."""
        end = time.monotonic() + LIMIT
        while missing := [thread for thread in threads if thread not in self.stopped]:
            stop = self.client.notice(0.2)
            if stop is not None:
                if self.told(stop[5:]):
                    raise Wrong("the program has ended")
                continue
            alive = set(self.client.threads())
            missing = [thread for thread in missing if thread in alive]
            if not missing:
                return
            if time.monotonic() > end:
                raise Wrong(f"no stop of {missing!r}")


def symbols_of(names):
    """Addresses by name, from nm's output."""
    found = {}
    for line in names.splitlines():
        match = re.match(r"([0-9a-f]+) \S (\w+)$", line)
        if match:
            found[match[2]] = int(match[1], 16)
    return found
