# SPDX-License-Identifier: GPL-3.0-only
# Threads in Rust that unwind in turn, and then meet a breakpoint all at once.
# program: turnsrust.rs
# each: 1 2 64
# flags: -g -C opt-level=0
# long: yes
set print thread-events off
break turnsrust::main
continue
next
next
next
print count
break turnsrust::visit if round == 1
break rust_panic
tbreak turnsrust.rs:49
continue
info args
next
info locals
finish
continue
backtrace 1
continue
next
print crowd.sum
ptype crowd.turn
set $i = 1
while $i < crowd.count
  continue
  print number
  continue
  up 4
  set $i = $i + 1
end
delete
break turnsrust::visit if round == 2
continue
print crowd.count + 1
step
delete
break turnsrust::meet
ignore 6 1000
tbreak turnsrust::done
continue
info breakpoints
info args
delete
continue
