# SPDX-License-Identifier: GPL-3.0-only
"""The directory that each command runs in, and the small programs: the same for every run."""

import os
import random
import shutil
import subprocess

from Support import paths

HERE = os.path.dirname(os.path.abspath(__file__))
GUESTS = os.path.join(HERE, "guests")
LINKED = {"pie": ["-pie", "-fPIE"], "no-pie": ["-no-pie", "-fno-pie"], "static": ["-static", "-no-pie"],
          "static-pie": ["-static-pie", "-fPIE"]}


def guest(program, linked):
    """The path of a program of guests/, compiled and linked as asked."""
    source = program if "." in program else program + ".c"
    return paths.compiled(GUESTS, source, ["-g", "-O2", "-w", *LINKED[linked], "-pthread", "-lm",
                                           "-fnon-call-exceptions"],
                          name=f"{source.replace('.', '-')}-{linked}")


def environment(home):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": home, "SHELL": "/bin/sh",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}


def make_model(directory):
    """Fills `directory` with what the commands read. Deterministic: no clock, a fixed seed."""
    dice = random.Random(20240229)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 9))) for _ in range(500)]

    def line():
        return f"{dice.randrange(10 ** 6)} {dice.choice(words)} {dice.choice(words)} {dice.randrange(1000)}\n"

    def write(name, text):
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    write("lines.txt", "".join(line() for _ in range(40000)))
    write("text.txt", "".join(line() for _ in range(100000)))
    write("million.txt", "".join(f"{dice.randrange(10 ** 9):x} {dice.choice(words)}\n" for _ in range(10 ** 6)))
    for number in range(60):
        write(f"tree/d{number % 7}/f{number}", "".join(line() for _ in range(number * 5)))
    write("script.sh", "#!/bin/dash -e\necho \"$0 got $1\"\nexit 3\n")
    os.chmod(os.path.join(directory, "script.sh"), 0o755)
    for source in ("compute.c", "shapes.cc"):
        shutil.copy(os.path.join(GUESTS, source), directory)
    make_repository(os.path.join(directory, "repository"), directory, line)


def make_repository(path, home, line):
    """A git repository of 30 commits with fixed dates and names, hence fixed hashes."""
    os.makedirs(path)

    def git(*arguments, date=0):
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", "A U Thor"), ("EMAIL", "a@example.org"), ("DATE", f"@{date} +0000"))}
        subprocess.run(["git", *arguments], cwd=path, check=True, stdout=subprocess.DEVNULL,
                       env={**environment(home), **identity})

    git("init", "-q", "-b", "main")
    for number in range(30):
        with open(os.path.join(path, f"f{number % 8}"), "a") as file:
            file.write("".join(line() for _ in range(20)))
        git("add", "-A")
        git("commit", "-q", "-m", f"Change {number}", date=1000000000 + number * 1000)


def fresh(model, work):
    """Lays `work` anew as a copy of `model`: each run finds the same."""
    shutil.rmtree(work, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", model, work], check=True)
