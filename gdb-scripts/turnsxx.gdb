# SPDX-License-Identifier: GPL-3.0-only
# Threads in C++ that throw in turn, and then all at once.
# program: turnsxx.cc
# each: (1) 2 (64)
# flags: -g -O0 -pthread
set print thread-events off
break main
continue
next
next
catch throw
catch catch
set $i = 0
set $n = count
while $i < $n
  continue
  frame 1
  print number
  print name.c_str()
  continue
  next
  set $i = $i + 1
end
frame
print sum
print refused
ptype refusal
delete
break crowd::Round::visit if round == 2
continue
info args
ptype this
finish
tbreak crowd::done
delete 4
catch throw
ignore 6 1000
continue
info breakpoints
print round.sum
print round.met
delete
continue
