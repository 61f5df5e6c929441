# SPDX-License-Identifier: GPL-3.0-only
# Calling a function with a floating-point argument, which needs the vector registers written.
# program: steps.c
break add if b > 5
continue
call scale(&origin, 10)
print origin
kill
