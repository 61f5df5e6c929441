# SPDX-License-Identifier: GPL-3.0-only
"""A file of gdb-scripts/ and what its head says about how to run it."""

import glob
import os
import re
import shlex

from Support import paths, variants

SCRIPTS = os.path.join(paths.ROOT, "gdb-scripts")


class Script:
    """`# program:` names the source; `# arguments:`, `# flags:` (of the compiler), `# result:` (a file that
    the program writes and that is compared), `# extended: yes` (the server starts without a program, and the
    script ends it by `monitor exit`), `# flush:` (the period of the torture run), `# options:` (of xv-gdbstub
    alone), `# settings:` (of gdb, before it connects; separated by semicolons), `# chance:` (a regular expression of
    whole lines of the transcript that no two runs share), `# environment:` (of the program), `# each:` (words; the
    script runs once with each as the program's argument, in parentheses only with --all), `# long: yes` (only with
    --all), `# software: yes` (gdbserver cannot watch as much: there gdb steps and compares) may follow."""

    def __init__(self, path):
        self.path = path
        self.name = self.title = os.path.splitext(os.path.basename(path))[0]
        head = {}
        with open(path) as file:
            for line in file:
                if not line.startswith("#"):
                    break
                key, colon, value = line[1:].partition(":")
                if colon:
                    head[key.strip()] = value.strip()
        self.source = head["program"]
        self.arguments = shlex.split(head.get("arguments", ""))
        self.flags = shlex.split(head.get("flags", "-g -O0"))
        self.extended = head.get("extended") == "yes"
        self.result = head.get("result")
        self.chance = re.compile(head["chance"]) if "chance" in head else None
        self.options = shlex.split(head.get("options", ""))
        self.settings = [word.strip() for word in head.get("settings", "").split(";") if word.strip()]
        self.flush = int(head.get("flush", "3"))
        self.environment = dict(word.split("=", 1) for word in shlex.split(head.get("environment", "")))
        self.each = head.get("each", "").split()
        self.is_long = head.get("long") == "yes"
        self.software = head.get("software") == "yes"

    def program(self):
        return paths.compiled(os.path.join(SCRIPTS, "programs"), self.source, self.flags)


def find(names, everything):
    files = sorted(glob.glob(os.path.join(SCRIPTS, "*.gdb")))
    return list(variants.chosen(map(Script, files), names, everything))
