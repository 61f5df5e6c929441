# SPDX-License-Identifier: GPL-3.0-only
# Threads in C that take turns, so that every stop is known, and then meet a breakpoint all at once.
# program: turns.c
# each: (1) 2 (64)
# flags: -g -O0 -pthread
set print thread-events off
break main
continue
next
next
print count
break visit if round == 1
set $i = 0
while $i < count
  continue
  print number
  finish
  next
  set $i = $i + 1
end
info locals
backtrace -1
tbreak visit if round == 2 && number == count - 1
continue
watch sum
continue
delete
break meet
ignore 5 1000
tbreak done
continue
info breakpoints
print total
print met
delete
continue
