# SPDX-License-Identifier: GPL-3.0-only
"""Watchpoints: what reads a place stops, what only writes it does not; what writes two places is told of both."""

import re

from client import Client, pc_of
from mixes import LIMIT, Wrong


class Reads:
    """The program runs from one read to the next."""

    source = "reads.c"

    def __init__(self, port, symbols, _):
        self.symbols = symbols
        self.client = Client(port, LIMIT)

    def run(self, _):
        self.client.ask(b"QStartNoAckMode")
        if self.client.ask(b"Z3,%x,8" % self.symbols["place"]) != b"OK":
            raise Wrong("reads cannot be watched")
        told = []
        while not (stop := self.move()).startswith(b"W"):
            if b"watch:" in stop:
                told.append((pc_of(stop), b"rwatch:%x;" % self.symbols["place"] in stop))
        wanted = [(address, True) for name, address in sorted(self.symbols.items()) if name.startswith("read_")]
        if told != wanted:
            raise Wrong(f"told: {[hex(pc) for pc, _ in told]}, wanted: {[hex(pc) for pc, _ in wanted]}; "
                        f"as reads: {all(is_read for _, is_read in told)}")

    def move(self):
        return self.client.ask(b"c")


class SteppedReads(Reads):
    """The program is stepped through the reads."""

    def run(self, arguments):
        for name in ("plain", "strings"):
            if self.client.ask(b"Z0,%x,1" % self.symbols[name]) != b"OK":
                raise Wrong("a breakpoint cannot be inserted")
        super().run(arguments)

    def move(self):
        pc = self.client.pc(b"0")
        inside = any(self.symbols[name] <= pc < self.symbols[name] + 0x200 for name in ("plain", "strings"))
        return self.client.ask(b"s" if inside else b"c")


class Both(Reads):
    """One instruction writes two places that are watched each."""

    def run(self, _):
        places = [self.symbols["place"], self.symbols["place"] + 8]
        self.client.ask(b"QStartNoAckMode")
        for place in places:
            if self.client.ask(b"Z2,%x,8" % place) != b"OK":
                raise Wrong("a place cannot be watched")
        told = []
        while not (stop := self.move()).startswith(b"W"):
            if pc_of(stop) == self.symbols["both"]:
                told += [place for place in places if b";watch:%x;" % place in b";" + stop[3:]]
        if sorted(told) != places:
            raise Wrong(f"told: {[hex(place) for place in told]}")


class Rounds(Reads):
    """Each round of a repeated string instruction that accesses a place is told, and no other."""

    source = "rounds.c"
    kind = b"4"
    # As many as there are debug registers, of what the program does not access; then what fragments look at.
    elsewhere = [0x7fff00000000 + 0x100 * number for number in range(4)] + [0x10000, 0x20000, 0x6f0000000000]

    def run(self, _):
        self.client.ask(b"QStartNoAckMode")
        place = self.symbols["area"] + 4096
        watches = [b"Z" + self.kind + b",%x,8" % address for address in [*self.elsewhere, place]]
        for request in [*watches, b"Z0,%x,1" % self.symbols["done"]]:
            if self.client.ask(request) != b"OK":
                raise Wrong(f"{request} is refused")
        told = 0
        while b"watch:" in (stop := self.client.ask(b"c")):
            address = int(re.search(rb"watch:([0-9a-f]+)", stop)[1], 16)
            if not place <= address < place + 8:
                raise Wrong(f"told at {address - place} from the place")
            told += 1
        if pc_of(stop) != self.symbols["done"]:
            raise Wrong(f"stopped by {stop}")
        wanted = self.wanted()
        if told != wanted:
            raise Wrong(f"told: {told}, wanted: {wanted}")
        self.client.ask(b"c")

    def wanted(self):
        return self.client.word(self.symbols["reads"]) + self.client.word(self.symbols["writes"])


class WrittenRounds(Rounds):
    """Only writes are looked at."""

    kind = b"2"

    def wanted(self):
        return self.client.word(self.symbols["writes"])


class Alarmed(Reads):
    """Steps over what meets two watchpoints, while signals come: each is told both, whatever is told besides."""

    source = "alarmed.c"

    def run(self, _):
        before = self.symbols["before"]
        places = [self.symbols["place"], self.symbols["place"] + 8]
        self.client.ask(b"QStartNoAckMode")
        for request in [b"Z2,%x,8" % place for place in places] + [b"Z0,%x,1" % before]:
            if self.client.ask(request) != b"OK":
                raise Wrong(f"{request} is refused")
        rounds = self.client.word(self.symbols["rounds"]) & 0xffffffff
        told = dict.fromkeys(places, 0)
        signals = 0
        stop = self.client.ask(b"c")
        while not stop.startswith(b"W"):
            met = re.search(rb"watch:([0-9a-f]+)", stop)
            if met:
                told[int(met[1], 16)] += 1
            signals += stop.startswith(b"T0e")
            if signals > rounds:
                raise Wrong(f"{signals} signals in {rounds} rounds")
            stop = self.client.ask(b"s" if pc_of(stop) == before else b"c")
        if list(told.values()) != [rounds, rounds] or not signals:
            raise Wrong(f"told: {told} in {rounds} rounds with {signals} signals")
