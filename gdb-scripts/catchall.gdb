# SPDX-License-Identifier: GPL-3.0-only
# Every system call is caught, from the dynamic linker's on, and the program's end with them.
# program: calls.c
# flags: -g -O1 -fno-inline -pthread
catch syscall
ignore 1 30
continue
info breakpoints
break known
continue
continue
print $orig_rax
continue
stepi
continue
finish
delete 2
tbreak ended
continue
continue
continue
delete 1
continue
