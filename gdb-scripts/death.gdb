# SPDX-License-Identifier: GPL-3.0-only
# A program that dies by a signal.
# program: dies.c
continue
backtrace
x/i $pc
info registers rax rip
continue
print $_siginfo
