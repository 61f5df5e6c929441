# SPDX-License-Identifier: GPL-3.0-only
# A program that forks, its children under xv too: the parent's breakpoints are not in them.
# program: forks.c
# options: --children translated
break work
continue
backtrace
print n
finish
next
print third
continue
