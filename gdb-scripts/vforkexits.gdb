# SPDX-License-Identifier: GPL-3.0-only
# A vfork is followed into the child, which ends.
# program: processes.c
# arguments: vfork
set follow-fork-mode child
break work
continue
backtrace
stepi
continue
info inferiors
