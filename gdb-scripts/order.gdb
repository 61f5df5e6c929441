# SPDX-License-Identifier: GPL-3.0-only
# Threads are listed in the order of their making, also where the kernel's numbers begin again meanwhile.
# program: order.c
# flags: -g -O0 -pthread
set print thread-events off
break made
continue
print wrapped
thread apply all -ascending -s print number
continue
