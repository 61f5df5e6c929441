# SPDX-License-Identifier: GPL-3.0-only
"""A client that knows packets, notifications, threads and where they stand."""

import re
import struct
import time

from Support import rsp

RIP = 16


def expanded(payload):
    """`payload` without run lengths and escapes."""
    out = bytearray()
    index = 0
    while index < len(payload):
        byte = payload[index]
        if byte == ord("*"):
            out += bytes([out[-1]]) * (payload[index + 1] - 29)
            index += 2
        elif byte == ord("}"):
            out.append(payload[index + 1] ^ 0x20)
            index += 2
        else:
            out.append(byte)
            index += 1
    return bytes(out)


class Client(rsp.Client):
    """Replies come in order; notifications are put aside in `notices`."""

    def __init__(self, port, limit):
        super().__init__(port, limit)
        self.limit = limit
        self.notices = []
        self.log = []

    def packet(self, limit):
        """The next packet as (kind, payload); None when nothing came within the limit."""
        self.socket.settimeout(limit)
        try:
            while (kind := self.byte()) not in b"$%":
                pass
            self.socket.settimeout(self.limit)
            payload = b""
            while (byte := self.byte()) != b"#":
                payload += byte
            self.byte()
            self.byte()
        except TimeoutError:
            return None
        payload = expanded(payload)
        self.log.append(f"-> {kind.decode()}{payload[:120].decode('latin-1')}")
        return kind, payload

    def send(self, payload):
        self.log.append(f"<- {payload.decode('latin-1')}")
        self.send_raw(rsp.frame(payload))

    def interrupt(self):
        self.log.append("<- ^C")
        self.send_raw(b"\x03")

    def reply(self, limit=None):
        """The next reply; None when it did not come in time."""
        end = time.monotonic() + (limit or self.limit)
        while True:
            got = self.packet(max(0.001, end - time.monotonic()))
            if got is None:
                return None
            kind, payload = got
            if kind == b"$":
                return payload
            self.notices.append(payload)

    def ask(self, payload):
        self.send(payload)
        answer = self.reply()
        if answer is None:
            raise TimeoutError(f"no reply to {payload!r}")
        return answer

    def notice(self, limit):
        """The next notification; None when none came in time."""
        if self.notices:
            return self.notices.pop(0)
        got = self.packet(limit)
        if got is None:
            return None
        kind, payload = got
        if kind != b"%":
            raise ValueError(f"a reply that nobody asked for: {payload!r}")
        return payload

    # What is asked for.

    def threads(self):
        names = self.ask(b"qfThreadInfo")
        found = [] if names == b"l" else names[1:].split(b",")
        if found and self.ask(b"qsThreadInfo") != b"l":
            raise ValueError("the list of threads goes on")
        return found

    def pc(self, thread):
        """None when the thread is gone."""
        if self.ask(b"Hg" + thread) != b"OK":
            return None
        registers = self.ask(b"g")
        if registers.startswith(b"E"):
            return None
        return struct.unpack_from("<Q", bytes.fromhex(registers.decode()), RIP * 8)[0]

    def word(self, address):
        return struct.unpack("<Q", bytes.fromhex(self.ask(b"m%x,8" % address).decode()))[0]


def thread_of(stop):
    """The thread that a stop names; None for an end."""
    found = re.search(rb"thread:(p[0-9a-f]+\.[0-9a-f]+)", stop)
    return found[1] if found else None


def pc_of(stop):
    """The pc that a stop tells."""
    found = re.search(rb";10:([0-9a-f]{16})|^T..10:([0-9a-f]{16})", stop)
    return struct.unpack("<Q", bytes.fromhex((found[1] or found[2]).decode()))[0] if found else None
