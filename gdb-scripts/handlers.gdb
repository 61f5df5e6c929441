# SPDX-License-Identifier: GPL-3.0-only
# Stepping into a handler and out of it through the return from the signal.
# program: signals.c
handle SIGUSR1 nostop noprint pass
handle SIGSEGV nostop noprint pass
break store
break inner
continue
backtrace 4
finish
finish
continue
next
backtrace
step
info locals
delete 2
advance 26
finish
next
print *page
break 43
continue
signal 0
