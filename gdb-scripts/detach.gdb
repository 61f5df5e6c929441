# SPDX-License-Identifier: GPL-3.0-only
# Detaching with breakpoints set: the program goes on by itself and writes its file.
# program: outlives.c
# arguments: result
# result: result
break compute
continue
continue
backtrace
break *(char *)compute + 20
stepi
detach
info inferiors
