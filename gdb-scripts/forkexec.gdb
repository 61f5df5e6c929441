# SPDX-License-Identifier: GPL-3.0-only
# A fork is followed, then the child's exec, as a new program of the debugger's.
# program: processes.c
# arguments: exec
set follow-fork-mode child
set detach-on-fork off
set follow-exec-mode new
break child
catch exec
continue
info inferiors
continue
backtrace
continue
info inferiors
