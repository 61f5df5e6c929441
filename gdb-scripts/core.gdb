# SPDX-License-Identifier: GPL-3.0-only
# A core file of a running program, and one of a program that dies; both opened again.
# program: dies.c
break sum
continue
generate-core-file core.one
continue
backtrace
print list
print $_siginfo._sifields._sigfault.si_addr
generate-core-file core.two
kill
target core core.one
backtrace
info registers
target core core.two
backtrace
print list
info registers rip
