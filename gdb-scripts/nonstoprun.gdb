# SPDX-License-Identifier: GPL-3.0-only
# Programs that are started where threads stop one by one, one after the other and beside each other.
# program: launched.c
# extended: yes
# settings: set non-stop on
set sysroot /
break show
run one
backtrace 1
next
continue
info inferiors
run two
clone-inferior
inferior 2
run three
info threads
next
inferior 1
next
kill inferiors 2
continue
info inferiors
monitor exit
