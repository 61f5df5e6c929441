# SPDX-License-Identifier: GPL-3.0-only
# A fork is caught; the debugger stays with the parent, whose breakpoints do not disturb the child.
# program: processes.c
# arguments: fork
break work
catch fork
catch vfork
continue
backtrace -3
info inferiors
info threads
continue
backtrace
print before
continue
