# SPDX-License-Identifier: GPL-3.0-only
"""A link between a client and a server: it may delay what it carries, and it can be cut."""

import heapq
import selectors
import socket
import threading
import time


class Link:
    """Carries bytes between whoever connects to `port` and `target`, each `delay` seconds later.

    `cuts` are numbers of bytes from the server after which a connection is broken, one a connection;
    later connections stay. `cut` breaks the present one later.
    """

    def __init__(self, target, delay=0.0, cuts=()):
        self.target = target
        self.delay = delay
        self.cuts = list(cuts)
        self.connections = 0
        # Bytes from each end, and how many more of them are carried before the connection is broken.
        self.carried = {"near": 0, "far": 0}
        self.left = {"near": None, "far": None}
        self.is_lost = False
        # Connections that were tried while it was lost.
        self.refused = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.waker, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def cut(self, end, after):
        """The connection is broken when so many more bytes have come from an end; None: it is not."""
        self.left[end] = after

    def lose(self):
        """The present connection is broken, and there is no other one until `find`."""
        self.is_lost = True
        self.waker.sendall(b"l")

    def find(self):
        self.is_lost = False

    def run(self):
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self.listener, selectors.EVENT_READ)
                selector.register(self.woken, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select()]
            if self.woken in ready:
                if self.woken.recv(1) == b"x":
                    return
                continue
            near, _ = self.listener.accept()
            if self.is_lost:
                near.close()
                self.refused += 1
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self.connections += 1
            cut = self.cuts.pop(0) if self.cuts else None
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ended = self.carry(near, far, cut)
            near.close()
            far.close()
            if ended:
                return

    def carry(self, near, far, cut):
        """True when the link is to end, False when the connection is over."""
        waiting = []
        number = 0
        carried = 0
        broken = False
        with selectors.DefaultSelector() as selector:
            for end in (near, far, self.woken):
                selector.register(end, selectors.EVENT_READ)
            while True:
                limit = max(0, waiting[0][0] - time.monotonic()) if waiting else None
                for key, _ in selector.select(limit):
                    if key.fileobj is self.woken:
                        return self.woken.recv(1) == b"x"
                    try:
                        data = key.fileobj.recv(65536)
                    except OSError:
                        data = b""
                    if not data:
                        return False
                    if key.fileobj is far and cut is not None:
                        data = data[:max(0, cut - carried)]
                        carried += len(data)
                    name = "near" if key.fileobj is near else "far"
                    if self.left[name] is not None and self.left[name] <= len(data):
                        data = data[:self.left[name]]
                        self.left[name] = None
                        broken = True
                    elif self.left[name] is not None:
                        self.left[name] -= len(data)
                    self.carried[name] += len(data)
                    other = far if key.fileobj is near else near
                    number += 1
                    heapq.heappush(waiting, (time.monotonic() + self.delay, number, other, data))
                while waiting and waiting[0][0] <= time.monotonic():
                    _, _, end, data = heapq.heappop(waiting)
                    try:
                        end.sendall(data)
                    except OSError:
                        return False
                if (broken or cut is not None and carried >= cut) and not waiting:
                    return False

    def close(self):
        self.waker.sendall(b"x")
        self.thread.join(10)
        for end in (self.listener, self.waker, self.woken):
            end.close()
