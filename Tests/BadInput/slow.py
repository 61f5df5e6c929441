# SPDX-License-Identifier: GPL-3.0-only
"""Debuggers that are slow, never stop talking, or do not listen: the server keeps its size, and others are served."""

import re
import select
import signal
import socket

from Support import rsp

MEBIBYTE = 1 << 20
# What a server may grow by while it is being talked at.
ROOM = 16 * MEBIBYTE


def peak(check):
    """The most memory that the server has had."""
    with open(f"/proc/{check.server.child.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024


def expect_size(check, before):
    grown = peak(check) - before
    if grown > ROOM:
        check.problems.append(f"the server has grown by {grown >> 20} MiB")


def one_byte_at_a_time(check):
    client = check.client()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in rsp.frame(b"qSupported:multiprocess+;swbreak+"):
        client.send_raw(bytes([byte]))
    check.expect("qSupported", client.reply(), rb".*PacketSize=.*")
    check.expect_alive(client)


def packet_without_end(check):
    client = check.client()
    check.expect_alive(client)
    before = peak(check)
    client.send_raw(b"$m")
    for _ in range(32):
        client.send_raw(b"0" * MEBIBYTE)
    client.send_raw(b"#00")
    # Refused by its checksum or by its length.
    check.expect("the answer", client.acknowledgement(), rb"[-+]")
    expect_size(check, before)
    again = check.client() if closed(client) else client
    check.expect_alive(again)


def closed(client):
    """Whether the server has closed the connection; an answer that waits is passed over."""
    while select.select([client.socket], [], [], 0.2)[0]:
        try:
            if not client.socket.recv(65536):
                return True
        except ConnectionError:
            return True
    client.buffer = b""
    return False


def nothing_but_noise(check):
    client = check.client()
    check.expect_alive(client)
    before = peak(check)
    for _ in range(16):
        client.send_raw(b"+#12x%~" * (MEBIBYTE // 7))
    expect_size(check, before)
    check.expect_alive(client)


def sent_again_and_again(check):
    """Each `-` wants the last reply again; one answer to many of them is enough."""
    client = check.client()
    check.expect_alive(client)
    client.ask(b"m%x,8000" % code(client))
    before = peak(check)
    client.send_raw(b"-" * 60000)
    client.send_raw(rsp.frame(b"qC"))
    while not client.reply().startswith(b"QC"):
        pass
    expect_size(check, before)
    check.expect_alive(client)


def many_at_once(check):
    """Small requests that arrive together and have large answers."""
    client = check.client()
    check.expect_alive(client)
    text = b"m%x,8000" % code(client)
    wanted = client.ask(text)
    before = peak(check)
    client.send_raw(rsp.frame(text) * READS)
    expect_answers(check, client, wanted, READS)
    expect_size(check, before)
    check.expect_alive(client)


def escapes_without_end(check):
    client = check.client()
    check.expect_alive(client)
    before = peak(check)
    client.send_raw(b"$X0,1:")
    for _ in range(16):
        client.send_raw(b"}]" * (MEBIBYTE // 2))
    client.send_raw(b"#00")
    check.expect("the answer", client.acknowledgement(), rb"[-+]")
    expect_size(check, before)


# Each reply has 32 KiB; together they are more than all buffers on the way hold.
READS = 600


def code(client):
    """Where the guest stands: code, which run-length encoding does not make short."""
    digits = client.ask(b"p10")
    return int.from_bytes(bytes.fromhex(plain(digits).decode()), "little") & ~0xfff


def plain(reply):
    """A reply without run-length encoding."""
    return re.sub(rb"(.)\*(.)", lambda found: found[1] * (found[2][0] - 28), reply, flags=re.S)


def expect_answers(check, client, wanted, count):
    """The same answer again and again, each behind its acknowledgement."""
    expected = (b"+" + rsp.frame(wanted)) * count
    got = bytearray(client.buffer)
    client.buffer = b""
    while len(got) < len(expected):
        piece = client.socket.recv(MEBIBYTE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        got += piece
    if got != expected:
        check.problems.append("the answers are not what they were")


def reading_stops(check):
    client = check.client()
    check.expect_alive(client)
    address = code(client)
    text = rsp.frame(b"m%x,4000" % address)
    wanted = client.ask(b"m%x,4000" % address)
    before = peak(check)
    # Requests are sent as long as the server takes them; none of its answers is read.
    client.socket.setblocking(False)
    rest = text * READS
    while rest and select.select([], [client.socket], [], 1.0)[1]:
        rest = rest[client.socket.send(rest[:65536]):]
    expect_size(check, before)
    client.socket.settimeout(20)
    # The answers are all there when they are wanted.
    client.send_raw(rest)
    expect_answers(check, client, wanted, READS)
    check.expect_alive(client)


def ended_while_nobody_reads(check):
    client = check.client()
    check.expect_alive(client)
    address = code(client)
    client.socket.setblocking(False)
    rest = rsp.frame(b"m%x,4000" % address) * READS
    while rest and select.select([], [client.socket], [], 1.0)[1]:
        rest = rest[client.socket.send(rest[:65536]):]
    check.server.child.send_signal(signal.SIGTERM)
    if not check.server.wait(15):
        check.problems.append("the server did not end")


def second_while_one_is_served(check):
    first = check.client()
    check.expect_alive(first)
    second = check.client()
    second.send_raw(rsp.frame(b"?"))
    check.expect_alive(first)
    if select.select([second.socket], [], [], 0.2)[0]:
        check.problems.append("the second debugger was answered while the first was served")
    check.run_until_ready(first)
    first.close()
    check.expect("? of the second", second.reply(), rb"[TS]..?.*")
    check.expect("g of the second", second.ask(b"g"), rb"([0-9a-fx*].*){16,}")
    second.send_raw(rsp.frame(b"k"))
    check.expect_end()


def many_that_wait(check):
    first = check.client()
    check.expect_alive(first)
    others = []
    for _ in range(50):
        other = socket.socket()
        other.setblocking(False)
        other.connect_ex(("127.0.0.1", check.server.port))
        others.append(other)
    check.expect_alive(first)
    for other in others:
        other.close()
    first.close()
    check.expect_alive(check.client())


def too_far_ahead(check):
    client = check.client()
    check.run_until_ready(client)
    before = peak(check)
    try:
        for _ in range(200):
            client.send_raw(rsp.frame(b"g") * 1000)
        while client.socket.recv(65536):
            pass
        cut_off = True
    except ConnectionError:
        cut_off = True
    except TimeoutError:
        cut_off = False
    if not cut_off:
        check.problems.append("a debugger that sends on and on was not cut off")
    expect_size(check, before)
    again = check.client()
    check.expect("? of the next one", again.ask(b"?"), rb"[TS]..?.*")
    again.send_raw(rsp.frame(b"k"))
    check.expect_end()


# name, check, the guest's arguments, --once
CHECKS = [
    ("one byte at a time", one_byte_at_a_time, "spin", False),
    ("a packet without end", packet_without_end, "spin", False),
    ("nothing but noise", nothing_but_noise, "spin", False),
    ("replies that are wanted again and again", sent_again_and_again, "spin", False),
    ("requests that come all at once", many_at_once, "spin", False),
    ("escapes without end", escapes_without_end, "spin", False),
    ("a debugger that does not read", reading_stops, "spin", False),
    ("a server that is terminated while nobody reads", ended_while_nobody_reads, "spin", False),
    ("a second debugger while one is served", second_while_one_is_served, "spin", False),
    ("fifty that wait", many_that_wait, "spin", False),
    ("packets far ahead", too_far_ahead, "spin", False),
]
