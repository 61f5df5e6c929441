# SPDX-License-Identifier: GPL-3.0-only
"""A client of the remote protocol that can be as rude as a test wants."""

import socket
import struct


def frame(payload):
    """`payload` as a packet: $payload#checksum."""
    return b"$" + payload + b"#%02x" % (sum(payload) & 0xFF)


class Client:
    def __init__(self, port, limit=30):
        self.socket = socket.create_connection(("127.0.0.1", port), limit)
        self.socket.settimeout(limit)
        self.buffer = b""

    def send_raw(self, data):
        self.socket.sendall(data)

    def byte(self):
        """The next byte from the server; ConnectionError when it has closed."""
        if not self.buffer:
            self.buffer = self.socket.recv(65536)
            if not self.buffer:
                raise ConnectionError("the server closed the connection")
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def acknowledgement(self):
        """The next `+` or `-`."""
        while True:
            byte = self.byte()
            if byte in b"+-":
                return byte

    def reply(self):
        """The payload of the next packet, acknowledged."""
        while self.byte() != b"$":
            pass
        payload = b""
        while (byte := self.byte()) != b"#":
            payload += byte
        checksum = self.byte() + self.byte()
        if int(checksum, 16) != sum(payload) & 0xFF:
            raise ValueError(f"bad checksum from the server: {payload!r} #{checksum!r}")
        self.socket.sendall(b"+")
        return payload

    def ask(self, payload):
        """Sends a packet and returns the payload of its reply."""
        self.send_raw(frame(payload))
        return self.reply()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes so that the server sees ECONNRESET."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
