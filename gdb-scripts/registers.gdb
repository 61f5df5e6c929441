# SPDX-License-Identifier: GPL-3.0-only
# Every group of registers, read and written.
# program: registers.c
break *filled
continue
info registers
info registers float
info registers vector
info all-registers
print $st0
print $ymm2.v8_float
print $ymm9.v4_double
print $eflags
print $mxcsr
print/x $fs_base
print/x $orig_rax
set var $rax = 0xfeedfacecafebeef
set var $rbx = -1
set var $ymm2.v8_float[5] = 99
set var $xmm9.v2_double[1] = 0.25
set var $st0 = 2.5
set var $eflags = $eflags ^ 1
stepi
print/x $rax
print/x $rbx
print $ymm2.v8_float
print $ymm9.v4_double
print $st0
print $eflags
info registers rip cs ss ds es fs gs fs_base gs_base k3
continue
