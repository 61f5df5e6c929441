# SPDX-License-Identifier: GPL-3.0-only
# Lines are stepped over while signals with a handler come all the time.
# program: alarms.c
handle SIGALRM nostop noprint pass
break 27 if value > 0
continue
delete
set $i = 0
while $i < 100
  next
  set $i = $i + 1
end
print value
tbreak next_value
continue
finish
tbreak 32
continue
print alarms > 0
continue
