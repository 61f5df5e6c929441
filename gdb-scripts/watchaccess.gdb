# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints on reads and on any access; the same value written again; a local; an odd address.
# program: watched.c
break main
continue
watch counter
continue
info registers rip
delete
# The same value is written once more, which gdb takes for a read where reads alone cannot be watched.
next
rwatch counter
continue
info registers rip
delete
awatch counter
continue
info registers rip
delete
break locals
continue
continue
watch local
continue
continue
continue
info breakpoints
delete
watch packed.odd
continue
info registers rip
delete
watch packed.after
continue
info registers rip
delete
awatch sum
continue
info registers rip
continue
delete
continue
