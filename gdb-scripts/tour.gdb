# SPDX-License-Identifier: GPL-3.0-only
# The session of scripts/demo: a little of everything.
# program: steps.c
break main
break add if a == 7
continue
next
next
continue
backtrace
info locals
x/4i add
finish
tbreak factorial if n == 2
continue
backtrace
info registers rip rsp eflags
break scale
continue
print *p
set var p->weight = 4
next
next
print factorial(10)
finish
delete
continue
