# SPDX-License-Identifier: GPL-3.0-only
# Several programs in one session: run again and again, killed, let go, ended; arguments, variables,
# the working directory; a connection that is closed and opened again.
# program: launched.c
# extended: yes
set sysroot /
info inferiors
break show
run
backtrace 1
info inferiors
continue
run one "two words" 'a*b' "it's" $HOME
continue
set environment XV_ADDED=added=value
set environment XV_EMPTY
unset environment HOME
set cwd /usr
show environment XV_ADDED
run
backtrace 1
kill
info inferiors
run
print counter
set var counter = 41
disconnect
eval "target extended-remote 127.0.0.1:%d", $port
print counter
continue
unset environment
set cwd
set args
run
continue
set startup-with-shell off
run
continue
set disable-randomization on
run
detach
info inferiors
run
info inferiors
monitor exit
