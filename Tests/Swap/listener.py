# SPDX-License-Identifier: GPL-3.0-only
"""Answers one line to each connection with how many there were, until one says "end"."""
import selectors
import socket

server = socket.create_server(("127.0.0.1", 0))
server.setblocking(False)
selector = selectors.DefaultSelector()
selector.register(server, selectors.EVENT_READ)
print(server.getsockname()[1], "half", flush=True)
count = 0
word = b""
while word != b"end\n":
    selector.select()
    connection, _ = server.accept()
    with connection:
        connection.settimeout(20)
        word = connection.recv(100)
        count += 1
        connection.sendall(b"%d\n" % count)
print("answered", count)
