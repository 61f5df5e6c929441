# SPDX-License-Identifier: GPL-3.0-only
# Of two processes one is let go.
# program: processes.c
# arguments: fork
set detach-on-fork off
break work
catch fork
continue
next
info inferiors
detach inferior 2
info inferiors
continue
print before
continue
print $_exitcode
