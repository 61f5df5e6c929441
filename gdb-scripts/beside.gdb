# SPDX-License-Identifier: GPL-3.0-only
# A second program beside the first: run, stepped and looked at by turns, killed, let go, run again.
# program: launched.c
# extended: yes
set sysroot /
break show
run one
clone-inferior
inferior 2
run two "and more"
info inferiors
info threads
print arguments
backtrace 1
inferior 1
print arguments
set var counter = 41
inferior 2
print counter
set var counter = 7
next
inferior 1
print counter
next
continue
info inferiors
inferior 2
print counter
continue
info inferiors
run three
inferior 1
run four
info inferiors
kill inferiors 2
info inferiors
continue
inferior 2
run five
inferior 1
run six
detach inferiors 1
inferior 2
backtrace 1
kill
info inferiors
monitor exit
