# SPDX-License-Identifier: GPL-3.0-only
"""A link that is cut at every byte of a session, and a far server that is killed and started again."""

import os
import re
import socket
import subprocess

from Support import paths, process, rsp
from link import Link

HERE = os.path.dirname(os.path.abspath(__file__))


class Session:
    """What is asked of a stub, again and again: to a breakpoint, looking, writing, a step."""

    def __init__(self, port, program):
        self.client = rsp.Client(port, 30)
        self.client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.ask(b"qSupported:swbreak+;vContSupported+;error-message+")
        names = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
        found = {name: int(place, 16) for place, name in re.findall(r"^([0-9a-f]+) \w (\w+)$", names, re.M)}
        self.tick, self.count, self.stop = (found[name] for name in ("tick", "count", "stop"))

    def close(self):
        self.client.close()

    def ask(self, text):
        told = self.client.ask(text.encode()).decode("latin-1")
        # Run lengths: a byte and how often it comes again.
        return re.sub(r"(.)\*(.)", lambda run: run[1] * (ord(run[2]) - 28), told)

    def number(self, text):
        told = self.ask(text)
        try:
            return int.from_bytes(bytes.fromhex(told), "little")
        except ValueError:
            raise RuntimeError(f"{told} is the answer to {text}") from None

    def counted(self):
        return self.number(f"m{self.count:x},8")

    def counter(self):
        return self.number("p10")

    def answers(self):
        """The same each time, but for the count, which is told from the last one."""
        before = self.counted()
        told = [self.ask(f"Z0,{self.tick:x},1"), self.ask("vCont;c")[:3], self.counter() == self.tick,
                self.counted() - before, self.ask(f"M{self.stop:x},4:00000000"), self.ask(f"m{self.stop:x},4"),
                self.ask(f"z0,{self.tick:x},1"), self.ask("vCont;s")[:3], 0 < self.counter() - self.tick < 16]
        # To the end of tick, which counts.
        told += [self.ask("vCont;s")[:3] for _ in range(3)]
        return told


def every_byte(kind, stride, ends=("near", "far")):
    """After each n-th byte to and from the server the link is cut once: the answers are the same.

    Not to gdbserver 13.1: it dies of a packet that ends in its middle ("Invalid hex digit -1", SIGSEGV).
    """
    def body(case):
        # Not position independent: the symbols' addresses are the program's.
        program = paths.compiled(HERE, "waiter.c", ("-g", "-O1", "-no-pie"), "world-waiter-fixed")
        command = ["gdbserver"] if kind == "gdbserver" else [case.stub, "--no-persist"]
        link = case.link(case.started([*command, "127.0.0.1:0", program], 600))
        session = Session(case.started([case.stub, "--once", "--world", f"127.0.0.1:{link.port}", "127.0.0.1:0"], 600),
                          program)
        case.opened.append(session)
        session.answers()
        # How long it is, once with what is asked and once with what is answered.
        began = dict(link.carried)
        expected = session.answers()
        lengths = {end: link.carried[end] - began[end] for end in began}
        problems = []
        cuts = 0
        for end in ends:
            for place in range(0, lengths[end], stride):
                link.cut(end, place)
                connections = link.connections
                told = session.answers()
                # It is seen at the next request at the latest.
                session.ask("m1000,1")
                session.counted()
                cuts += link.connections - connections
                link.cut(end, None)
                if told != expected and len(problems) < 10:
                    problems.append(f"cut after byte {place} from the {end} end: {told} instead of {expected}")
        length = sum(lengths[end] for end in ends)
        print(f"        {cuts} cuts in {length} bytes")
        if cuts * stride < length * 3 // 4:
            problems.append(f"it was cut only {cuts} times")
        session.client.send_raw(rsp.frame(b"k"))
        return problems
    return body


def restarted(case):
    """The far server is killed and started again: at the same program the session goes on, at another one that is said."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1", "-no-pie"), "world-waiter-fixed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    waiters = [subprocess.Popen([program], stdin=subprocess.DEVNULL, start_new_session=True) for _ in range(2)]
    server = None

    def serve(waiter):
        nonlocal server
        if server:
            # Not the group: the program is let go by the kernel, and runs.
            server.kill()
            server.wait()
        server = subprocess.Popen(["gdbserver", "--attach", f"127.0.0.1:{port}", str(waiter.pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        serve(waiters[0])
        session = Session(case.started([case.stub, "--once", "--world", f"127.0.0.1:{port}", "127.0.0.1:0"]), program)
        case.opened.append(session)
        # The first resume after an attach ends at once, by gdbserver's own SIGSTOP.
        session.answers()
        first = session.counted()
        expected = session.answers()
        # A server that is killed leaves the trap flag of the last step behind, but none of a continue.
        for text in (f"Z0,{session.tick:x},1", "vCont;c", f"z0,{session.tick:x},1"):
            session.ask(text)
        serve(waiters[0])
        second = session.counted()
        told = session.answers()
        problems = [] if told == expected else [f"{told} instead of {expected}"]
        if second <= first + 1:
            problems.append(f"it counted to {second} from {first}: what is shown is of old")
        serve(waiters[1])
        told = session.ask(f"m{session.count:x},8")
        if "another program runs at 127.0.0.1" not in told:
            problems.append(f"another program is answered with {told}")
    finally:
        for child in filter(None, [server, *waiters]):
            child.kill()
            child.wait()
    return problems
