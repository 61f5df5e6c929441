# SPDX-License-Identifier: GPL-3.0-only
# Reads that a small function's return and a call through a constant slot make.
# program: inlined.c
# flags: -g -O1
break round_ends
continue
tbreak *ask
continue
set variable $place = (long *) ($rsp - 16)
awatch *$place
continue
x/i $pc
continue
x/i $pc
delete 3
rwatch slot[0]
continue
x/i $pc
info breakpoints
delete
continue
