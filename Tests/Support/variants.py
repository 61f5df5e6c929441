# SPDX-License-Identifier: GPL-3.0-only
"""Scripts of debuggers that run several times, each time with another argument for the program."""

import copy


def of(script):
    """The script with each of the words that stand for its program's argument; one in parentheses takes long."""
    for each in script.each:
        word = each.strip("()")
        variant = copy.copy(script)
        variant.is_long = script.is_long or word != each
        variant.title = f"{script.name} {word}"
        variant.arguments = [*script.arguments, word]
        yield variant
    if not script.each:
        yield script


def chosen(scripts, names, everything):
    """All scripts, or those whose titles contain one of `names`; long ones only if they are named or everything is."""
    for script in scripts:
        for variant in of(script):
            if any(name in variant.title for name in names) if names else everything or not script.is_long:
                yield variant
