# SPDX-License-Identifier: GPL-3.0-only
# Signals: stopping at them, passing and dropping them, handlers with backtraces through the frame.
# program: signals.c
handle SIGUSR1 stop print pass
handle SIGURG nostop print pass
handle SIGUSR2 stop print nopass
break inner
continue
print $_siginfo.si_signo
continue
backtrace
info registers rip
up
info frame
finish
finish
continue
print $_siginfo._sifields._sigfault.si_addr == page
print $_siginfo.si_code
x/i $pc
continue
backtrace
finish
stepi
stepi
delete
continue
info signals SIGUSR2
continue
