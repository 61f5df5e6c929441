# SPDX-License-Identifier: GPL-3.0-only
# A small function stands in its caller's fragment, and a call through a constant slot goes where that says: until a
# breakpoint is set in add_one of them, the slot is written to, or a stop in the function changes where it returns to.
# program: inlined.c
# flags: -g -O1
break round_ends
continue
# in the function, which has run many times
tbreak *area
continue
info registers rip rax
backtrace
finish
break *area if $rdi != &good
continue
delete 3
# behind the call, in the stub, behind it
tbreak asked
tbreak stub
continue
continue
stepi
stepi
info registers rip rax
tbreak chosen
continue
print $rax
delete 1
set variable asked_about = (const struct pair *) 0
# faults in it
continue
info registers rip
x/2i $pc
backtrace
print *(void **) $rsp
set variable $rdi = &good
set variable *(void **) $rsp = (void *) asked_otherwise
tbreak asked_otherwise
signal 0
backtrace
set variable asked_about = &good
break round_ends
continue
# another function behind the slot
set variable slot[0] = (unsigned long) add_two
continue
watch slot[0] if slot[0] != (unsigned long) add_two
continue
delete
tbreak *add_two + 4
continue
backtrace 3
disassemble stub, +6
set variable slot[0] = (unsigned long) add_one
continue
