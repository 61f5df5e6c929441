# SPDX-License-Identifier: GPL-3.0-only
# Some system calls are caught by name and by number: registers at entry and return, none missed, none told twice.
# program: calls.c
# flags: -g -O1 -fno-inline -pthread
break main
continue
catch syscall 110 mmap
catch syscall munmap
define look
  x/2i $pc - 2
  print (long) $rax < 0
  print $orig_rax
  print (long) $rcx == (long) $pc
  p/x $r11
  backtrace 2
end
continue
look
continue
look
continue
look
set $rax = 77
continue
continue
look
continue
print $orig_rax
continue
continue
delete 2
catch syscall prctl read write
continue
stepi
print $rax
print $orig_rax
continue
delete
catch syscall read
catch signal SIGALRM
continue
continue
print $rax
print $orig_rax
continue
info breakpoints
delete
continue
