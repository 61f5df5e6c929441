# SPDX-License-Identifier: GPL-3.0-only
# Signals that do nothing to the program are given to it with a step, which stays one step.
# program: steps.c
break main
continue
queue-signal SIGCHLD
stepi
info registers rip
queue-signal SIGURG
stepi 2
info registers rip
queue-signal SIGCHLD
next
queue-signal SIGWINCH
step
backtrace
queue-signal SIGCONT
next
signal SIGCHLD
