# SPDX-License-Identifier: GPL-3.0-only
# A large watchpoint met by instructions of many kinds.
# program: watchedmany.c
# flags: -g -O0 -Wl,-z,now
# software: yes
set print elements 3
break copies
continue
delete
watch table
watch stack
break last
python
for index in range(40):
    gdb.execute("continue")
    if gdb.selected_frame().name() == "last":
        break
    gdb.execute("info registers rip rcx rdi rsp eflags")
  end
delete
watch -location *place
continue
info registers rip
delete
continue
