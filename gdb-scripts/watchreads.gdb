# SPDX-License-Identifier: GPL-3.0-only
# Reads by instructions of many kinds.
# program: watchedreads.c
# flags: -g -O0 -Wl,-z,now
break plain
continue
delete
awatch place[0]
break main
python
for index in range(40):
    gdb.execute("continue")
    if gdb.selected_inferior().pid == 0:
        break
    gdb.execute("info registers rip rcx rdi rsi")
  end
