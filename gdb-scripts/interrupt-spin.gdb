# SPDX-License-Identifier: GPL-3.0-only
# ^C in a busy loop, then on.
# program: waits.c
# arguments: ready spin
# chance: (0x[0-9a-f]+ in )?spin \(ready=5\) at waits.c:1[3-6]|1[3-6]\t .*
python
import gdb, os, signal, threading

os.mkfifo("ready")
pid = gdb.selected_inferior().pid

def ticks():  # The program's own processor time, in hundredths of a second.
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11])

def interrupt():
    open("ready").read()  # Ends when the program has opened the other side and closed it.
    then = ticks()
    while ticks() < then + 3:
        pass  # Perhaps still on its way back from close(2).
    os.kill(os.getpid(), signal.SIGINT)  # What ^C at the terminal does.

threading.Thread(target=interrupt, daemon=True).start()
end
continue
python print(gdb.selected_frame().name())
backtrace -1
print rounds > 0
break 14 if rounds > 1000
continue
delete
set var go_on = 1
finish
continue
