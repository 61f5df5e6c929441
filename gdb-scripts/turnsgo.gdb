# SPDX-License-Identifier: GPL-3.0-only
# Goroutines on threads of their own that panic in turn, and then meet a breakpoint all at once.
# program: turnsgo.go
# each: 1 2 64
# flags: "-gcflags=-N -l"
# long: yes
# environment: GODEBUG=asyncpreemptoff=1
set print thread-events off
break main.main
continue
next
next
# Behind the check of the stack, which may be made twice.
break turnsgo.go:19 if round == 1
break runtime.gopanic
tbreak turnsgo.go:26
continue
info args
next
next
info locals
finish
continue
backtrace 2
continue
next
set $i = 1
while $i < 'main.count'
  continue
  info args
  continue
  up
  set $i = $i + 1
end
delete
break turnsgo.go:19 if round == 2
continue
print 'main.sum'
up
info locals
delete
break turnsgo.go:32
ignore 6 1000
tbreak main.done
continue
info breakpoints
info args
delete
continue
