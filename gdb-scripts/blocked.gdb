# SPDX-License-Identifier: GPL-3.0-only
# A thread that waits in a system call is shown inside it at each stop, whatever is thrown away meanwhile.
# program: blocked.c
# flags: -g -O0 -pthread
set print thread-events off
python
def place():
    gdb.execute("info threads", to_string=True)
    reader = next(thread for thread in gdb.selected_inferior().threads() if thread.num == 2)
    stopped = gdb.selected_thread()
    reader.switch()
    found = [int(gdb.parse_and_eval(name)) for name in ("$pc", "$rax", "$orig_rax")]
    stopped.switch()
    return found
end
break stand
continue
python first = place()
python print(first[1:])
python
moved = 0
for _ in range(149):
    gdb.execute("continue", to_string=True)
    moved += place() != first
print("moved:", moved)
end
delete
continue
