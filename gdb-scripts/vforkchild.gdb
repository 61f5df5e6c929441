# SPDX-License-Identifier: GPL-3.0-only
# A vfork is followed into the child and its exec.
# program: processes.c
# arguments: vforkexec
set follow-fork-mode child
catch exec
break work
continue
info inferiors
continue
backtrace
print n
continue
info inferiors
