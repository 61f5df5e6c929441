# SPDX-License-Identifier: GPL-3.0-only
# Variables, registers and memory: printing and setting them.
# program: steps.c
break scale
continue
print *p
print by
print p->name
print/x *p
print &p->weight
ptype p
set var p->x = 100
print p->x
print p->weight = 2.5
print $xmm0.v2_double[0]
set var $xmm0.v2_double[0] = 7
next
finish
print history
print history[1]@3
x/5gd history
x/s origin.name
set var history[2] = -9
set {int}&total = 1000
print total
set var origin.name = "changed"
output origin
info locals
info symbol factorial
info line scale
set var $rax = 0x1122334455667788
print/x $al
print/x $eax
set var $eax = 0
print $rax
print $_siginfo.si_signo
continue
