# SPDX-License-Identifier: GPL-3.0-only
# Of two processes one is killed.
# program: processes.c
# arguments: fork
set detach-on-fork off
break work
catch fork
continue
next
kill inferiors 2
info inferiors
continue
print before
continue
