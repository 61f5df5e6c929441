# SPDX-License-Identifier: GPL-3.0-only
# A fork is followed into the child; the parent goes on without the debugger.
# program: processes.c
# arguments: fork
set follow-fork-mode child
break work
continue
backtrace
print n
info inferiors
info threads
watch before
finish
stepi
set var before = 7
continue
info inferiors
