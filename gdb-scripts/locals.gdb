# SPDX-License-Identifier: GPL-3.0-only
# program: locals.c
# flags: -g -O0 -pthread
break here
continue
print first
print name
print *&counts
print &counts == (long (*)[4]) 0
find large, +sizeof(large), "needle"
find /b large, +sizeof(large), 1, 2
find /b large, +1000, 1, 2
find /h1 large, +sizeof(large), (short) 0x7878
continue
print first
print name
print counts
thread apply all -q print first
thread apply all -q print counts[2]
print first = 44
print first
thread apply 1 -q print first
info os
delete
continue
