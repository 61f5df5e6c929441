# SPDX-License-Identifier: GPL-3.0-only
# A vfork is caught; the debugger stays with the parent.
# program: processes.c
# arguments: vforkexec
break work
catch vfork
continue
backtrace -3
info inferiors
continue
backtrace
continue
