# SPDX-License-Identifier: GPL-3.0-only
"""Malformed packets, debuggers that vanish, guests that die: the server answers, or ends, and leaves nothing."""

import os
import re
import signal
import time

import slow
from Support import paths, process, rsp
from Support.server import Server

PROGRAMS = os.path.join(paths.ROOT, "gdb-scripts", "programs")
STOPPED = re.compile(rb"[TS]05.*", re.S)


class Check:
    """One server with one guest, and the problems that a check finds."""

    def __init__(self, stub, directory, arguments, once):
        self.problems = []
        fifo = os.path.join(directory, "ready")
        if os.path.exists(fifo):
            os.unlink(fifo)
        os.mkfifo(fifo)
        self.fifo = fifo
        program = paths.compiled(PROGRAMS, "waits.c")
        command = [stub, *(["--once"] if once else []), "--guard", "127.0.0.1:0", "--", program, "ready", *arguments]
        self.server = Server(command, directory)
        if not self.server.ready.wait(20) or self.server.port is None:
            raise RuntimeError(f"no port from the server: {self.server.stderr!r}")

    def client(self):
        return rsp.Client(self.server.port)

    def expect(self, what, actual, pattern):
        if not re.fullmatch(pattern, actual, re.S):
            self.problems.append(f"{what}: {actual[:200]!r}, expected /{pattern.decode()}/")

    def expect_alive(self, client):
        """The session goes on: the guest is stopped and its registers can be read."""
        self.expect("? afterwards", client.ask(b"?"), STOPPED.pattern)
        self.expect("g afterwards", client.ask(b"g"), rb"([0-9a-fx*].*){16,}")

    def run_until_ready(self, client):
        """Continues the guest until it has said that it is ready."""
        client.send_raw(rsp.frame(b"c"))
        with open(self.fifo) as ready:
            ready.read()

    def guest(self):
        """The guest's process id."""
        found = [pid for pid, name, _ in process.descendants() if name.startswith("waits")]
        if len(found) != 1:
            raise RuntimeError(f"guests: {found}")
        return found[0]

    def expect_end(self):
        """The server ends by itself, not by a signal."""
        if not self.server.wait(15):
            self.problems.append("the server did not end")
        elif self.server.child.returncode < 0:
            self.problems.append(f"the server died by signal {-self.server.child.returncode}")


def malformed(check):
    client = check.client()
    check.expect("?", client.ask(b"?"), STOPPED.pattern)
    client.send_raw(b"$?#00")
    check.expect("bad checksum", client.acknowledgement(), rb"-")
    client.send_raw(b"$?#zz")
    check.expect("checksum that is no hex", client.acknowledgement(), rb"-")
    for packet in [b"mzz,4", b"m1000", b"m", b"m,", b"m1,zz", b"M1000,4:zz", b"M1000,4:12", b"M", b"G12", b"Gzz", b"P0",
                   b"P0=zz", b"Pzz=00", b"pzz", b"Z0,zz,1", b"Z0", b"z0,1", b"Z9,0,0", b"Hgzz", b"H", b"vCont;q", b"vCont;",
                   b"qXfer:features:read:target.xml:zz", b"qXfer:auxv:read::0", b"qXfer:nonsense:read::0,10", b"X0,5:a", b"Tzz",
                   b"vFile:open:zz,0,0", b"vFile:pread:99,1,1", b"vFile:nonsense:", b"qRcmd,zz", b"vKill;zz", b"vCont;s:zz",
                   b"qSupported:" + b";" * 500, b"m0,ffffffffffffffffff", b"vCont;r0,0:zz"]:
        check.expect(repr(packet), client.ask(packet), rb"|E[0-9a-fA-F]{2}.*|E\..*|F-1.*|OK|l|PacketSize.*|[0-9a-fA-F]*")
    check.expect_alive(client)
    client.ask(b"D")


def unknown(check):
    client = check.client()
    for packet in [b"vMustReplyEmpty", b"qUnknownThing:1,2", b"QUnknown", b"_", b"vUnknown", b"y", b"w", b"qP1", b"\xff\xfe", b""]:
        if packet:
            check.expect(repr(packet), client.ask(packet), rb"")
    check.expect_alive(client)
    client.ask(b"D")


def memory(check):
    client = check.client()
    for packet, pattern in [(b"m0,8", rb"E.."), (b"mffffffffffffffff,8", rb"E.."), (b"m7fffffffffff,8", rb"E..|([0-9a-f][0-9a-f])+"),
                            (b"M0,1:00", rb"E.."), (b"X0,1:a", rb"E..|"), (b"m0,ffffffff", rb"E.."), (b"m0,0", rb"|E..|OK"),
                            (b"Mffffffffffffffff,8:" + b"00" * 8, rb"E.."), (b"Mfffffffffffffff0,20:" + b"00" * 32, rb"E.."),
                            (b"Z0,ffffffffffffffff,1", rb"E..|OK"), (b"z0,ffffffffffffffff,1", rb"E..|OK"),
                            (b"Z2,ffffffffffffffff,1", rb"E..|OK"), (b"z2,ffffffffffffffff,1", rb"E..|OK")]:
        check.expect(repr(packet), client.ask(packet), pattern)
    check.expect_alive(client)
    client.ask(b"D")


def oversized(check):
    client = check.client()
    client.send_raw(rsp.frame(b"m" + b"0" * (1 << 21) + b",4"))
    try:
        if client.acknowledgement() == b"+":
            check.expect("oversized packet", client.reply(), rb"|E[0-9a-fA-F]{2}.*")
        check.expect_alive(client)
    except ConnectionError:
        check.expect_alive(check.client())  # To refuse the connection is right too; the server lives on.


def noise(check):
    client = check.client()
    client.send_raw(b"x" * (1 << 20))
    client.send_raw(b"++--#12%~")
    check.expect_alive(client)
    client.send_raw(b"$m12$?#3f")  # A packet that starts anew in the middle of another.
    client.acknowledgement()
    client.send_raw(b"\x03")
    check.expect_alive(check_interrupted(check, client))
    client.ask(b"D")


def check_interrupted(check, client):
    """Takes the stop replies that a ^C to a stopped guest may or may not bring, up to a known answer."""
    client.send_raw(rsp.frame(b"qC"))
    while not (answer := client.reply()).startswith(b"QC"):
        check.expect("after ^C while stopped", answer, rb"[TS].*|")
    return client


def half_a_packet(check):
    client = check.client()
    client.send_raw(b"$m1234")
    client.close()
    again = check.client()
    check.expect_alive(again)
    again.ask(b"D")


def clients_that_go_at_once(check):
    """Clients that are gone before, while or after the server asks who they are."""
    for _ in range(200):
        client = check.client()
        client.send_raw(b"$m1234")
        client.close()
        again = check.client()
        check.expect("? of the next one", again.ask(b"?"), STOPPED.pattern)
        again.close()


def half_a_packet_once(check):
    client = check.client()
    check.expect("?", client.ask(b"?"), STOPPED.pattern)
    client.send_raw(b"$m1234")
    client.close()
    check.expect_end()


def vanishing_stopped(check):
    client = check.client()
    check.expect("?", client.ask(b"?"), STOPPED.pattern)
    client.reset()
    check.expect_end()


def vanishing_running(check):
    client = check.client()
    check.run_until_ready(client)
    client.reset()
    check.expect_end()


def vanishing_and_another(check):
    client = check.client()
    check.run_until_ready(client)
    client.close()
    again = check.client()
    check.expect("? of the next one", again.ask(b"?"), rb"[TS]..?.*")
    check.expect("g of the next one", again.ask(b"g"), rb"([0-9a-fx*].*){16,}")
    again.send_raw(rsp.frame(b"k"))
    check.expect_end()


def vanishing_before_anything(check):
    check.client().close()
    client = check.client()
    check.expect_alive(client)
    client.ask(b"D")


def guest_dies_running(check):
    client = check.client()
    check.run_until_ready(client)
    os.kill(check.guest(), signal.SIGKILL)
    check.expect("stop reply", client.reply(), rb"X09.*")
    try:
        check.expect("m of a dead guest", client.ask(b"m1000,4"), rb"E..|")
    except (ConnectionError, OSError):
        pass
    client.close()
    check.expect_end()


def guest_dies_stopped(check):
    client = check.client()
    check.expect("?", client.ask(b"?"), STOPPED.pattern)
    guest = check.guest()
    os.kill(guest, signal.SIGKILL)
    process.wait_until(lambda: not alive(guest), 10, "the guest's end")
    check.expect("m of a dead guest", client.ask(b"m1000,4"), rb"E..|")
    check.expect("continue of a dead guest", client.ask(b"c"), rb"X09.*|E..")
    client.close()
    check.expect_end()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may go between open and read
        return False


def killed_by(number):
    def check_kill(check):
        client = check.client()
        check.run_until_ready(client)
        guest = check.guest()
        check.server.child.send_signal(number)
        if not check.server.wait(15):
            check.problems.append("the server did not end")
        process.wait_until(lambda: not alive(guest), 10, "the guest's end")
        client.close()
    return check_kill


def killed_while_waiting(check):
    guest = check.guest()
    check.server.child.send_signal(signal.SIGTERM)
    if not check.server.wait(15):
        check.problems.append("the server did not end")
    process.wait_until(lambda: not alive(guest), 10, "the guest's end")


# name, check, the guest's arguments, --once
CHECKS = [
    ("malformed packets", malformed, "spin", False),
    ("unknown packets", unknown, "spin", False),
    ("memory that is not there", memory, "spin", False),
    ("an oversized packet", oversized, "spin", False),
    ("noise between packets", noise, "spin", False),
    ("half a packet, then another debugger", half_a_packet, "spin", False),
    ("clients that go at once", clients_that_go_at_once, "spin", False),
    ("half a packet, --once", half_a_packet_once, "spin", True),
    ("a debugger that vanishes, guest stopped", vanishing_stopped, "spin", True),
    ("a debugger that vanishes, guest in a loop", vanishing_running, "spin", True),
    ("a debugger that vanishes, guest in a read", vanishing_running, "block", True),
    ("a debugger that vanishes, and another one", vanishing_and_another, "spin", False),
    ("a connection without a word", vanishing_before_anything, "spin", False),
    ("a guest that is killed while running", guest_dies_running, "spin", True),
    ("a guest that is killed in a read", guest_dies_running, "block", True),
    ("a guest that is killed while stopped", guest_dies_stopped, "spin", True),
    ("a server that is killed", killed_by(signal.SIGKILL), "spin", False),
    ("a server that is terminated", killed_by(signal.SIGTERM), "block", False),
    ("a server that is terminated while it waits", killed_while_waiting, "spin", False),
]


def checks(stub, directory):
    for name, function, argument, once in CHECKS + slow.CHECKS:
        yield name, lambda: run(stub, directory, function, argument, once)


def run(stub, directory, function, argument, once):
    check = Check(stub, directory, [argument], once)
    try:
        function(check)
    except (OSError, ValueError, RuntimeError, TimeoutError) as error:
        check.problems.append(f"{type(error).__name__}: {error}")
    check.server.stop()
    # Whatever was detached runs on by right, and the server was ended from here: none of it is a leak,
    # unless the server had ended by itself.
    ended_itself = once and not check.problems
    left = process.left_behind(grace=1.0 if ended_itself else 0.0)
    check.server.close()
    if ended_itself:
        check.problems += [f"left behind: {name}" for name in left]
    if check.problems:
        check.problems.append(f"the server's words: {check.server.stderr[-300:]!r}")
    if b"Fatal error" in check.server.stderr:
        check.problems.append("the server crashed")
    return check.problems
