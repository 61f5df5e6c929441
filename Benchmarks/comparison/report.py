# SPDX-License-Identifier: GPL-3.0-only
"""The table: ratios of medians, and what the machine was."""

import math
import os
import pathlib
import platform
import statistics
import subprocess


class Series:
    """The measures of one row under one peer, or why there are none."""

    def __init__(self):
        self.measures = []
        self.failure = None

    def median(self, kind):
        return statistics.median(getattr(measure, kind) for measure in self.measures)

    def ratio(self, native, kind):
        """Median over native's median, least and largest likewise; None without measures."""
        if self.failure or not self.measures:
            return None
        base = native.median(kind)
        values = [getattr(measure, kind) / base for measure in self.measures]
        return self.median(kind) / base, min(values), max(values)


def cell(ratio, failure):
    if failure:
        return failure
    return "{:.2f} [{:.2f}-{:.2f}]".format(*ratio) if ratio else "-"


def mean(ratios):
    """The geometric mean, or None of nothing."""
    return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None


def table(rows, peers, results, kind):
    lines = [f"| row | native, s | {' | '.join(peers)} |", f"|---|---|{'---|' * len(peers)}"]
    for row in rows:
        native = results[row.name, "native"]
        seconds = "-" if native.failure else f"{native.median(kind):.4g}"
        cells = [cell(results[row.name, peer].ratio(native, kind) if not native.failure else None,
                      native.failure or results[row.name, peer].failure) for peer in peers]
        lines.append(f"| {row.name} | {seconds} | {' | '.join(cells)} |")
    for title, groups in [("the first ten", ["plain"]), ("all CPU-bound", ["plain", "threads", "jit"]),
                          ("all", ["plain", "threads", "jit", "start", "micro"])]:
        wanted = [row for row in rows if row.group in groups]
        if wanted:
            means = " | ".join(mean_cell(wanted, peer, results, kind) for peer in peers)
            lines.append(f"| **geometric mean, {title}** ({len(wanted)}) | | {means} |")
    return "\n".join(lines)


def mean_cell(rows, peer, results, kind):
    """The mean over the rows that have a ratio, and how many have none."""
    ratios = [results[row.name, peer].ratio(results[row.name, "native"], kind) for row in rows
              if not results[row.name, "native"].failure]
    present = [ratio[0] for ratio in ratios if ratio]
    if not present:
        return "-"
    missing = len(rows) - len(present)
    return f"**{mean(present):.2f}**" + (f" (without {missing})" if missing else "")


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return (done.stdout or done.stderr).splitlines()[0].strip()
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine(peers):
    """Facts without which a figure says nothing."""
    memory = pathlib.Path("/proc/meminfo").read_text().split()[1]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    facts = [f"{os.cpu_count()} CPUs: {processor()}", f"{int(memory) // 1024} MiB of memory",
             f"{system}, Linux {platform.release()}",
             "load when it began: {:.2f}".format(os.getloadavg()[0])]
    versions = {"valgrind": ("valgrind", "--version"), "qemu": ("qemu-x86_64", "--version")}
    facts += [first_line(*versions[peer]) for peer in peers if peer in versions]
    tools = [("/usr/bin/python3", "--version"), ("gcc", "--version"), ("node", "--version"),
             ("lua5.4", "-v"), ("luajit", "-v"), ("java", "-version")]
    facts.append("; ".join(first_line(*tool) for tool in tools))
    return facts
