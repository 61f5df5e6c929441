# SPDX-License-Identifier: GPL-3.0-only
# Several threads reach a breakpoint at once: each has its own hit.
# program: together.c
# flags: -g -O1 -fno-inline -pthread
set print thread-events off
break meet
ignore 1 1000000
continue
info breakpoints
