# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints on return addresses and on a function pointer: calls, returns, indirect calls, steps over them.
# program: watched.c
awatch handler
continue
continue
info registers rip
delete
break outer
continue
delete
awatch -location *(long *) ($sp - 8)
info symbol *(long *) ($sp - 8)
continue
info registers rip
info symbol *(long *) $sp
continue
info registers rip
continue
info registers rip
delete
finish
stepi
tbreak leaf
continue
watch -location *(long *) ($sp - 16)
awatch -location *(long *) ($sp - 8)
awatch -location *(long *) ($sp + 8)
stepi
stepi
stepi
stepi
stepi
stepi
delete
continue
