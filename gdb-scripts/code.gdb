# SPDX-License-Identifier: GPL-3.0-only
# Reading code over breakpoints: the original bytes and instructions.
# program: steps.c
x/6i add
x/16xb add
break add
break *(char *)add + 4
break *factorial
continue
x/6i add
x/16xb add
x/3i factorial
disassemble /r add
continue
x/3i $pc
find /b &add, +60, 0x55
delete
x/6i add
continue
