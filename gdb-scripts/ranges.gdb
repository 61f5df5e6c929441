# SPDX-License-Identifier: GPL-3.0-only
# next over calls with breakpoints inside them, until out of loops, finish out of recursion.
# program: steps.c
break main
continue
break factorial if n == 2
until 40
continue
next
backtrace
finish
finish
next
until
until
skip function compare
step
next
info skip
continue
