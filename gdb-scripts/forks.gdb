# SPDX-License-Identifier: GPL-3.0-only
# A program that forks; the debugger stays with the parent.
# program: forks.c
break work
continue
backtrace
print n
finish
next
print third
continue
