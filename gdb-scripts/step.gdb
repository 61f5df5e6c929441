# SPDX-License-Identifier: GPL-3.0-only
# step, next, finish, until, advance, and what they return.
# program: steps.c
break main
continue
next
next
step
backtrace
next
finish
step
until 43
step
step
info frame
up
down
finish
advance scale
step 2
next
finish
stepi
nexti 3
next
next
next
continue
