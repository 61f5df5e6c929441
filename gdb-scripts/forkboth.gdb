# SPDX-License-Identifier: GPL-3.0-only
# Parent and child are debugged, one at a time.
# program: processes.c
# arguments: fork
set detach-on-fork off
break work
catch fork
continue
next
info inferiors
info threads
backtrace -2
print before
set var before = 5
inferior 2
info breakpoints
print before
print &before
backtrace -3
continue
backtrace
print before
next
next
info inferiors
continue
info inferiors
inferior 1
continue
backtrace
print before
continue
