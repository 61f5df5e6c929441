# SPDX-License-Identifier: GPL-3.0-only
# Both processes of a vfork are debugged.
# program: processes.c
# arguments: vforkexec
set detach-on-fork off
break work
catch vfork
continue
info inferiors
continue
info inferiors
backtrace
continue
info inferiors
