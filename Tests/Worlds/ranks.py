# SPDX-License-Identifier: GPL-3.0-only
"""Programs that Open MPI's mpirun starts: a stub for each rank, one stub that gathers them, one gdb."""

import os
import re
import subprocess

from Support import paths, process
from Support.server import ENVIRONMENT
from shared import gathering, go_on

HERE = os.path.dirname(os.path.abspath(__file__))
RANKS = 4
LIMIT = 300


def compiled():
    words = [subprocess.run(["mpicc", "--showme:" + kind], check=True, capture_output=True, text=True).stdout.split()
             for kind in ("compile", "link")]
    return paths.compiled(HERE, "rank.c", ("-g", "-O1", *words[0], *words[1]), "world-rank")


def mpi(case):
    """One gdb breaks in all ranks, looks at each, and goes on to the end of all."""
    program = compiled()
    sockets = [f"{case.directory}/rank.{rank}" for rank in range(RANKS)]
    line = f'exec "$0" --once --no-persist unix:"$1"/rank.$OMPI_COMM_WORLD_RANK "$2"'
    output = os.path.join(case.directory, "output")
    with open(output, "wb") as file:
        child = subprocess.Popen(
            ["timeout", "-k", "5", str(LIMIT), "mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(RANKS),
             "sh", "-c", line, case.stub, case.directory, program],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=case.directory, start_new_session=True,
            # It looks for a way to other machines even when it needs none.
            env={**ENVIRONMENT, "HOME": case.directory, "OMPI_MCA_plm_rsh_agent": "false"})
    problems = []
    try:
        process.wait_until(lambda: all(map(os.path.exists, sockets)), 60, "the ranks' stubs")
        words = [word for path in sockets for word in ("--world", "unix:" + path)]
        gdb = gathering(case, program, case.started([case.stub, "--once", *words, "127.0.0.1:0"], LIMIT))
        if len(re.findall(r"process \d+", gdb.do("info inferiors"))) != RANKS:
            problems.append(gdb.do("info inferiors"))
        gdb.do("break exchange")
        hits = "".join(gdb.do("continue", LIMIT) for _ in range(RANKS))
        if sorted(re.findall(r"Thread (\d)\.1 hit Breakpoint", hits)) != [str(n + 1) for n in range(RANKS)]:
            problems.append(f"breakpoints: {hits}")
        found = []
        for number in range(1, RANKS + 1):
            stack = gdb.do(f"inferior {number}") + gdb.do("backtrace")
            found.append(int(gdb.value("rank"), 16))
            if "in main (" not in stack or int(gdb.value("size"), 16) != RANKS or gdb.value("sum") != "0x0":
                problems.append(f"inferior {number}: {stack}")
        if sorted(found) != list(range(RANKS)):
            problems.append(f"ranks {found}")
        gdb.do("delete")
        ends = [go_on(gdb, LIMIT) for _ in range(RANKS)]
        if sum("exited normally" in end for end in ends) != RANKS:
            problems.append(f"ends: {ends}")
        try:
            if child.wait(30) != 0:
                problems.append(f"mpirun ended with {child.returncode}")
        except subprocess.TimeoutExpired:
            problems.append(f"mpirun has not ended: {process.descendants()}")
    finally:
        process.stop(child)
    with open(output, encoding="utf-8", errors="replace") as file:
        text = file.read()
    total = sum(range(1, RANKS + 1)) * 6
    problems += [f"rank {rank} did not say its sum: {text[-500:]}" for rank in range(RANKS)
                 if f"rank {rank} of {RANKS}: {total}\n" not in text]
    return problems
