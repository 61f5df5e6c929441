# SPDX-License-Identifier: GPL-3.0-only
# More watchpoints than there are debug registers, and larger ones.
# program: watchedmany.c
# flags: -g -O0 -Wl,-z,now
# software: yes
set print elements 3
break spread
continue
delete
python
for index in range(20):
    gdb.execute(f"watch spaced[{index}].value")
for index in range(20):
    gdb.execute("continue")
  end
info registers rip
delete
break plain
continue
delete
watch table
watch odd
continue
info registers rip
continue
info registers rip
continue
continue
info registers rip
stepi
info registers rip
delete
break kinds
continue
