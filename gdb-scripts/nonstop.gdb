# SPDX-License-Identifier: GPL-3.0-only
# One thread is stopped again and again while the other runs; a breakpoint is set meanwhile.
# program: apart.c
# flags: -g -O0 -pthread
# settings: set non-stop on
break reached
continue
backtrace
info threads
print counter >= 0
next
info threads
break leave
continue
finish
info threads
continue
backtrace
print enough
next
print enough
continue
