# SPDX-License-Identifier: GPL-3.0-only
"""The argument of --torture: what is thrown away or moved, and at every how manieth request."""

# A move takes as long as some discards.
COST = {"flush": 1, "collect": 1, "relocate": 3}


def raised(switches, least, least_move=1):
    """The switches with no period so short that a program cannot end within its limit: `least` is the
    shortest that it stands for `flush`, `least_move` for `relocate`."""
    words = []
    for word in switches.split(","):
        name, _, period = word.partition("=")
        if not period:
            words.append(name)
            continue
        shortest = max(least * COST[name] if least > 1 else 1, least_move if name == "relocate" else 1)
        words.append(f"{name}={max(int(period), shortest)}")
    return ",".join(words)


def seldom(switches, least):
    """The switches with no period shorter than `least`, whatever is thrown away."""
    parts = (word.partition("=") for word in switches.split(","))
    return ",".join(f"{name}={max(int(period), least)}" if period else name for name, _, period in parts)
