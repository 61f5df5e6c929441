# SPDX-License-Identifier: GPL-3.0-only
# Code made at run time: read, stopped in and rewritten by gdb when it is hot.
# program: generated.c
break rest
continue
x/2i page
continue
# The program has rewritten it, and it is hot again: gdb rewrites it too.
continue
set var page[3] = 9
x/2i page
continue
print sum
continue
# Breakpoints in it last until the program writes there again.
break *0x10000000
continue
x/2i $pc
stepi
print $rax - $rdi
ignore 2 2
continue
info breakpoints
delete 2
continue
print sum
continue
print sum
set var *(int *)(page + 3) = 100
continue
print sum
delete
continue
