# SPDX-License-Identifier: GPL-3.0-only
# A system call that 1 threads make at once: each entry and each return counts.
# program: calls.c
# arguments: 1
# flags: -g -O1 -fno-inline -pthread
set print thread-events off
catch syscall getppid
ignore 1 1000000
break exit
continue
info breakpoints
