# SPDX-License-Identifier: GPL-3.0-only
# Instruction steps from the program's first one on, and through calls.
# program: steps.c
x/2i $pc
stepi
stepi
stepi 100
info registers rip rsp eflags
break add
continue
display/i $pc
display sum
stepi
stepi
nexti
info display
undisplay 1
stepi 5
delete
stepi 30
nexti 20
where
info registers
continue
