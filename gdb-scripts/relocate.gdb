# SPDX-License-Identifier: GPL-3.0-only
# xv moves and discards at every stop: at breakpoints, in handlers, before the delivery of a signal whose
# details must stay. Nothing of it shows.
# program: signals.c
python
def xv(command):
    try:
        gdb.execute("monitor xv " + command, to_string=True)
    except gdb.error:
        pass  # gdbserver has none
class Move(gdb.Command):
    def __init__(self):
        super().__init__("move", gdb.COMMAND_USER)
    def invoke(self, words, tty):
        xv("relocate 0x1234")
        xv("relocate")
        xv("collect")
        xv("relocate 0x3f2000000000")
        xv("relocate")
Move()
end
handle SIGUSR1 stop print pass
handle SIGUSR2 stop print nopass
move
break inner
continue
print $_siginfo.si_signo
move
print $_siginfo.si_signo
continue
move
backtrace
info registers rip
up
finish
move
finish
continue
print $_siginfo._sifields._sigfault.si_addr == page
move
print $_siginfo._sifields._sigfault.si_addr == page
print $_siginfo.si_code
x/i $pc
continue
backtrace
move
stepi
move
stepi
finish
delete
move
continue
move
continue
