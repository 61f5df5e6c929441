# SPDX-License-Identifier: GPL-3.0-only
"""Several gdbs at one world, one of them driving; and several worlds in one server."""

import os
import re
import socket

from Support import paths, process
from Support.server import ENVIRONMENT
from gdbs import PROMPT, Gdb

HERE = os.path.dirname(os.path.abspath(__file__))


def shared(case):
    """Two gdbs: what one does the other one sees, and cannot do itself before it has asked for the wheel."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1"), "world-waiter")
    far = case.started([case.stub, "--no-persist", "127.0.0.1:0", program])
    port = case.started([case.stub, "--world", f"127.0.0.1:{far}", "127.0.0.1:0"])
    problems = []

    def expect(text, *parts):
        for part in parts:
            if part not in text:
                problems.append(f"'{part}' is not in {text!r}")

    def gdb():
        case.opened.append(Gdb(case.directory, program, port))
        return case.opened[-1]

    driver = gdb()
    driver.do("break tick if count == 40")
    expect(driver.do("continue"), "Breakpoint 1, tick")
    onlooker = gdb()
    expect(onlooker.do("backtrace"), "tick", "main")
    if driver.value("$rip") != onlooker.value("$rip") or onlooker.value("count") != "0x28":
        problems.append("they do not see the same")
    # What it may not do.
    expect(onlooker.do("print $rax = 1"), "you look on: client 1 (host 127.0.0.1", "monitor xv drive")
    expect(onlooker.do("set variable count = 9"), "annot")
    onlooker.do("monitor exit")
    expect(onlooker.do("continue"), "you look on")
    if driver.value("count") != "0x28":
        problems.append("an onlooker has changed the program")
    # The driver steps on: the onlooker is shown where, when it asks.
    driver.do("finish")
    driver.do("delete")
    expect(onlooker.do("break tick"), "Breakpoint 1")
    expect(onlooker.do("continue"), "main")
    if driver.value("$rip") != onlooker.value("$rip"):
        problems.append("the onlooker was not shown where the program stands")
    # It runs: said in words to who looks and to who comes; who waits is told where it stops.
    set_off(driver, onlooker)
    onlooker.send("continue")
    expect(onlooker.until("no effect"), "your breakpoints")
    late = Gdb(case.directory, program)
    case.opened.append(late)
    expect(late.do(f"target remote 127.0.0.1:{port}"), "the program runs, and client 1")
    driver.interrupt()
    expect(driver.until(PROMPT), "SIGINT")
    expect(onlooker.until(PROMPT), "stopped")
    if driver.value("$rip") != onlooker.value("$rip"):
        problems.append("who waited was shown another place")
    # An onlooker's ^C is its own.
    set_off(driver, onlooker)
    onlooker.do("delete")
    onlooker.send("continue")
    onlooker.until("Continuing")
    onlooker.interrupt()
    onlooker.until(PROMPT)
    expect(onlooker.do("monitor xv world"), "client 1", "drives", "client 2", "looks on")
    # The wheel changes hands while the program runs.
    expect(onlooker.do("monitor xv drive"), "you drive and the program was stopped")
    expect(driver.until(PROMPT), "SIGINT")
    expect(onlooker.do("continue"), "SIGINT")
    onlooker.do("set variable count = 1000000")
    if int(driver.value("count"), 16) != 1000000:
        problems.append("the last driver does not see what the new one wrote")
    expect(driver.do("stepi"), "you look on: client 2")
    # The driver is killed while the program runs.
    set_off(onlooker, driver)
    driver.send("continue")
    driver.until("Continuing")
    onlooker.close()
    expect(driver.until(PROMPT), "stopped")
    expect(driver.do("continue"), "nobody drives")
    expect(driver.do("monitor xv drive"), "you drive\n")
    driver.do("set variable stop = 1")
    expect(driver.do("continue"), "exited with code 07")
    return problems


def set_off(driver, other):
    """The driver goes on; returns when the server has been told."""
    driver.send("continue")
    process.wait_until(lambda: "the program runs" in other.do("monitor xv world"), 20, "the program to run")


def slow(case):
    """An onlooker that does not read what it asked for keeps nobody else waiting."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1"), "world-waiter")
    far = case.started([case.stub, "--no-persist", "127.0.0.1:0", program])
    port = case.started([case.stub, "--world", f"127.0.0.1:{far}", "127.0.0.1:0"])
    driver = Gdb(case.directory, program, port)
    case.opened.append(driver)
    driver.do("break tick")
    driver.do("continue")
    # The log of mappings begins with the first look at them.
    first = driver.do("monitor xv maplog")
    new = int(driver.value("(unsigned long) ((void *(*)(void *, long, int, int, int, long)) mmap)(0, 12288, 3, 0x22, -1, 0)"), 16)
    second = driver.do("monitor xv maplog")
    if "nothing has changed" not in first or f"map     rw- {new:#x}-{new + 12288:#x}" not in second:
        return [f"log of mappings: {first}{second}"]
    place = int(driver.value("(unsigned long)$rsp & ~0xfff"), 16)
    with socket.create_connection(("127.0.0.1", port)) as idle:
        content = f"m{place:x},1000".encode()
        request = b"$" + content + b"#%02x" % (sum(content) & 255)
        idle.setblocking(False)
        sent = 0
        # Requests, until nothing more is taken: the replies fill what there is between.
        while True:
            try:
                sent += idle.send(request * 64)
            except BlockingIOError:
                if not idle_writable(idle):
                    break
        answer = driver.do("print count")
        answer += driver.do("continue")
        answer += driver.do("print count")
    problems = [] if "$1 = 0" in answer and "$2 = 1" in answer else [answer]
    driver.do("kill")
    return problems


def idle_writable(end):
    import select
    return bool(select.select([], [end], [], 0.5)[1])


def gathering(case, program, port):
    """A gdb that has all worlds of a server."""
    gdb = Gdb(case.directory, program, port, settings=["set schedule-multiple on"], kind="extended-remote")
    case.opened.append(gdb)
    gdb.do(f"source {paths.ROOT}/share/gdb/xv.py")
    gdb.do("xv gather")
    return gdb


def go_on(gdb, limit=120):
    """All that have not ended go on, until one of them ends: gdb wants one of them chosen."""
    living = re.findall(r"^\*? +(\d+) +process", gdb.do("info inferiors"), re.M)
    if not living:
        return "nothing is left"
    gdb.do(f"inferior {living[0]}")
    return gdb.do("continue", limit)


def gathered(case):
    """Three worlds, one of them a core file: each is a process, and one gdb has them all."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1"), "world-waiter")
    core = os.path.join(case.directory, "core")
    process.run(["gdb", "-nx", "-q", "-batch", "-ex", "set debuginfod enabled off", "-ex", "break tick",
                 "-ex", "run", "-ex", f"gcore {core}", program], 60, cwd=case.directory, env=ENVIRONMENT)
    places = [f"127.0.0.1:{case.started([case.stub, '--no-persist', '127.0.0.1:0', program])}",
              f"127.0.0.1:{case.started(['gdbserver', '--once', '127.0.0.1:0', program])}", f"core:{core}"]
    words = [word for place in places for word in ("--world", place)]
    port = case.started([case.stub, "--once", *words, "127.0.0.1:0"])
    gdb = gathering(case, program, port)
    problems = []
    listed = gdb.do("info inferiors")
    if len(re.findall(r"process \d+", listed)) != 3:
        return [listed]
    gdb.do("break tick")
    hits = []
    for _ in range(2):
        hits.append(go_on(gdb))
        # So that the other one has its turn.
        gdb.do("disable " + re.search(r"Breakpoint (1\.\d)|$", hits[-1])[0].removeprefix("Breakpoint "))
    for number in (1, 2, 3):
        looked = gdb.do(f"inferior {number}") + gdb.do("print count") + gdb.do("backtrace")
        if "main ()" not in looked or "$" not in looked:
            problems.append(f"inferior {number}: {looked}")
    if not all(any(f"Thread {number}.1 hit Breakpoint" in hit for hit in hits) for number in (1, 2)):
        problems.append(f"breakpoints: {hits}")
    gdb.do("delete")
    ends = []
    for number in (1, 2):
        gdb.do(f"inferior {number}")
        gdb.do("set variable stop = 1")
    for _ in range(2):
        ends.append(go_on(gdb))
    if sum("exited with code 07" in end for end in ends) != 2:
        problems.append(f"ends: {ends}")
    left = gdb.do("info inferiors")
    if len(re.findall(r"process \d+", left)) != 1:
        problems.append(left)
    return problems


def run_on(gdb):
    """To the next stop of the first world; the second one's count then."""
    gdb.do("inferior 1")
    gdb.do("continue")
    gdb.do("inferior 2")
    return gdb.value("count")


def word(number, address):
    """Eight bytes of a process's memory."""
    with open(f"/proc/{number}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return int.from_bytes(memory.read(8), "little")


def away(case):
    """Two worlds; the link of one is lost while both run: the other one's stop is told, and goes on, without it."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1"), "world-waiter")
    ports = [case.started([case.stub, "--no-persist", "127.0.0.1:0", program]) for _ in range(2)]
    link = case.link(ports[1])
    port = case.started([case.stub, "--once", "--world", f"127.0.0.1:{ports[0]}", "--world", f"127.0.0.1:{link.port}",
                         "127.0.0.1:0"])
    gdb = gathering(case, program, port)
    problems = []

    def expect(text, *parts):
        for part in parts:
            if part not in text:
                problems.append(f"'{part}' is not in {text!r}")

    def both(command):
        for number in (1, 2):
            gdb.do(f"inferior {number}")
            gdb.do(command)
        gdb.do("inferior 1")

    # Something that only the first one comes by, once the other one's link is known to be lost.
    first = re.search(r"process (\d+)", gdb.do("inferior 1"))[1]
    come = int(gdb.value("(long) &come"), 16)
    gdb.do("break tick if come")
    places = dict(re.findall(r"^(1\.\d) .* inf (\d)$", gdb.do("info breakpoints"), re.M))
    gdb.do("disable " + " ".join(place for place, inferior in places.items() if inferior == "2"))
    second = re.search(r"process (\d+)", gdb.do("inferior 2"))[1]
    gdb.do("inferior 1")
    count = int(gdb.value("(long) &count"), 16)
    gdb.send("continue")
    # Behind the stops for libraries, at which gdb asks much of both.
    process.wait_until(lambda: min(word(number, count) for number in (first, second)) > 20, 20, "both programs to run")
    link.lose()
    process.wait_until(lambda: link.refused > 0, 20, "the server to miss the link")
    with open(f"/proc/{first}/mem", "r+b", buffering=0) as memory:
        memory.seek(come)
        memory.write(b"\1")
    expect(gdb.until(PROMPT, 8), "Thread 1.1", "tick")
    expect(gdb.do("info threads"), "1.1", "2.1")
    expect(gdb.do("monitor xv world"), "link: reconnecting")
    gdb.do("inferior 2")
    expect(gdb.do("print count"), "remote failure reply")
    # A new breakpoint cannot be set there, and that is said.
    gdb.do("inferior 1")
    gdb.do("break main")
    expect(gdb.do("continue"), "Cannot insert breakpoint 2")
    gdb.do("delete 2")
    # It goes on without the other one, which is resumed too, for all that gdb knows.
    expect(gdb.do("continue"), "Thread 1.1", "tick")
    link.find()
    process.wait_until(lambda: "reconnecting" not in gdb.do("monitor xv world"), 20, "the link")
    gdb.do("inferior 2")
    process.wait_until(lambda: "$" in gdb.do("print count"), 20, "the second world")
    before = int(gdb.value("count"), 16)
    gdb.do("inferior 1")
    # Both run again.
    expect(gdb.do("continue"), "Thread 1.1", "tick")
    gdb.do("inferior 2")
    process.wait_until(lambda: int(run_on(gdb), 16) > before, 20, "the second world to run")
    gdb.do("delete")
    both("set variable stop = 1")
    ends = [go_on(gdb), go_on(gdb)]
    if sum("exited with code 07" in end for end in ends) != 2:
        problems.append(f"ends: {ends}")
    return problems


def numbers(case):
    """The same core file twice: two processes with two numbers, the second one made up."""
    program = paths.compiled(HERE, "waiter.c", ("-g", "-O1"), "world-waiter")
    core = os.path.join(case.directory, "core")
    process.run(["gdb", "-nx", "-q", "-batch", "-ex", "set debuginfod enabled off", "-ex", "break tick",
                 "-ex", "run", "-ex", f"gcore {core}", program], 60, cwd=case.directory, env=ENVIRONMENT)
    port = case.started([case.stub, "--once", "--world", f"core:{core}", "--world", f"core:{core}", "127.0.0.1:0"])
    gdb = gathering(case, program, port)
    found = re.findall(r"process (\d+)", gdb.do("info inferiors"))
    looked = gdb.do("inferior 2") + gdb.do("print count") + gdb.do("backtrace")
    problems = [] if len(found) == 2 and found[1] == "4194305" else [f"processes {found}"]
    if "tick" not in looked or "main" not in looked:
        problems.append(looked)
    return problems
