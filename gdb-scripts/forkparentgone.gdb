# SPDX-License-Identifier: GPL-3.0-only
# The child is debugged on when its parent was let go.
# program: processes.c
# arguments: fork
set detach-on-fork off
break work
catch fork
continue
next
inferior 2
continue
detach inferior 1
info inferiors
backtrace
finish
continue
