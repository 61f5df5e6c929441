# SPDX-License-Identifier: GPL-3.0-only
"""Runs the chosen rows under the chosen peers in turn and writes the table."""

import argparse
import datetime
import os
import pathlib
import sys

from . import report
from .measure import Late, become_subreaper, measure
from .rows import HERE, WORK, program, rows
from .steady import Steady
from .work import prepare

# xv finds what the unmeasured run before has kept of its translations; xv-cold neither finds nor keeps any.
# xv-alone lets the program's children run natively, as qemu does; xv and valgrind take them along.
# xv-watch looks at every access to memory, as for watchpoints that debug registers do not hold.
PEERS = ["xv", "xv-cold", "valgrind", "qemu"]
MORE_PEERS = ["xv-alone", "xv-watch"]


def arguments():
    parser = argparse.ArgumentParser(prog="Benchmarks/compare")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, 3 if not said")
    parser.add_argument("--rows", help="comma-separated rows, all if not said")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated, of " + ", ".join(PEERS + MORE_PEERS))
    parser.add_argument("--xv", type=pathlib.Path, default=HERE.parent / ".build/release/xv")
    parser.add_argument("--limit", type=float, default=120, help="seconds one run may take")
    parser.add_argument("--pinned", action="store_true", help="everything on one processor")
    parser.add_argument("--steady", action="store_true",
                        help="measure when the machine is as fast as it can be, by a probe before and after")
    parser.add_argument("--output", type=pathlib.Path, help="file of the table, else in Results")
    parser.add_argument("--no-file", action="store_true", help="print the table only")
    parser.add_argument("--list", action="store_true", help="list the rows")
    return parser.parse_args()


def chosen(text, known, kind):
    names = text.split(",") if text else list(known)
    for name in names:
        if name not in known:
            sys.exit(f"compare: no {kind} '{name}'; there are: {', '.join(known)}")
    return [name for name in known if name in names]


def prefix(peer, xv):
    return {"native": [], "xv": [str(xv.resolve())],
            "xv-cold": [str(xv.resolve()), "--no-persist"],
            "xv-alone": [str(xv.resolve()), "--children", "native"],
            "xv-watch": [str(xv.resolve()), "--torture", "watch"],
            "valgrind": [program("valgrind"), "--tool=none", "-q", "--trace-children=yes"],
            "qemu": [program("qemu-x86_64")]}[peer]


def run(row, peer, options, native, steady):
    """One measure and what is wrong with it, if anything is."""
    try:
        repeats = row.repeats if peer == "native" else row.peer_repeats
        result = measure([*prefix(peer, options.xv), *row.command], row.stdin,
                         WORK / "output", options.limit, repeats, steady)
    except Late:
        return None, f"over {options.limit:g} s"
    if result.status:
        complaint = (WORK / "output.err").read_text(errors="replace").strip().splitlines()
        print("\n".join(complaint[-3:]), file=sys.stderr)
        return None, f"ended with {result.status}"
    if native and native.measures and native.measures[0].output != result.output:
        return None, "other output"
    return result, None


def compare(picked, peers, options, steady):
    results = {(row.name, peer): report.Series() for row in picked for peer in ["native", *peers]}
    for number in range(1, options.rounds + 1):
        for row in picked:
            native = results[row.name, "native"]
            for peer in ["native", *peers]:
                series = results[row.name, peer]
                if series.failure or native.failure:
                    continue
                result, series.failure = run(row, peer, options, native, steady)
                if result:
                    series.measures.append(result)
                said = series.failure or f"{result.cpu:.3f} s, {result.wall:.3f} s wall"
                print(f"{number}/{options.rounds} {row.name} {peer}: {said}", file=sys.stderr)
    return results


def heading(options, peers, began, facts):
    revision = report.first_line("git", "-C", str(HERE), "describe", "--always", "--dirty")
    return "\n".join([
        f"# Benchmarks/compare, {began:%Y-%m-%d %H:%M} UTC", "",
        f"Made by `Benchmarks/compare --rounds {options.rounds} --peers {','.join(peers)}"
        + (f" --rows {options.rows}" if options.rows else "")
        + "".join(f" --{name}" for name in ("pinned", "steady") if getattr(options, name))
        + f"` at revision {revision}.",
        "Each round runs every row natively and under each peer, one after the other, each of them once",
        "before it is measured, so that nobody waits for files that have left memory. A ratio is the",
        "median of a peer's rounds over the median of the native ones; in brackets its least and its",
        "largest round over the same median. Processor time is that of the whole process tree: under xv,",
        "the guest's and the server's with all its threads. A row whose output differs from the native",
        "one is an error and has no ratio.", "",
        *(f"- {fact}" for fact in facts), ""])


def main():
    options = arguments()
    known = {row.name: row for row in rows()}
    picked = [known[name] for name in chosen(options.rows, known, "row")]
    peers = chosen(options.peers, PEERS + MORE_PEERS, "peer")
    if options.list:
        for row in picked:
            print(f"{row.name:14} {row.group:6} {row.what}")
        return 0
    if any(peer.startswith("xv") for peer in peers) and not os.access(options.xv, os.X_OK):
        sys.exit(f"compare: {options.xv} is not there: build it (swift build -c release), "
                 "name it with --xv, or leave xv out of --peers")
    began = datetime.datetime.now(datetime.timezone.utc)
    facts = report.machine(peers)
    prepare()
    if options.pinned:
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
        facts.append("everything pinned to one processor")
    become_subreaper()
    steady = Steady() if options.steady else None
    results = compare(picked, peers, options, steady)
    if steady:
        facts.append(steady.fact())
    text = heading(options, peers, began, facts) + "\n".join([
        "\n## Processor time, ratio to native\n", report.table(picked, peers, results, "cpu"),
        "\n## Wall time, ratio to native\n", report.table(picked, peers, results, "wall"),
        "\n## Rows\n", *(f"- {row.name}: {row.what}" for row in picked), ""])
    print(text)
    if not options.no_file:
        path = options.output or HERE / "Results" / f"{began:%Y-%m-%d-%H%M}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(f"compare: written to {path}", file=sys.stderr)
    return 1 if any(results[row.name, peer].failure for row in picked
                    for peer in ("native", "xv") if (row.name, peer) in results) else 0


if __name__ == "__main__":
    sys.exit(main())
