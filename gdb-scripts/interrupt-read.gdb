# SPDX-License-Identifier: GPL-3.0-only
# ^C in a blocked read; the read goes on afterwards and is ended by calling it off.
# program: waits.c
# arguments: ready block
python
import gdb, os, signal, threading

os.mkfifo("ready")
pid = gdb.selected_inferior().pid

def interrupt():
    open("ready").read()  # Ends when the program has opened the other side and closed it.
    while not open(f"/proc/{pid}/syscall").read().startswith("0 "):
        pass  # Not yet in read(2).
    os.kill(os.getpid(), signal.SIGINT)  # What ^C at the terminal does.

threading.Thread(target=interrupt, daemon=True).start()
end
continue
backtrace -2
up
up
info locals
frame function block
print from
print (long)write(from + 1, "x", 1)
break 34
continue
print got
print byte
continue
