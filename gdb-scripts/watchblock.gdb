# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints met by string instructions and loops; several registers at once.
# program: watched.c
break count
continue
delete
watch counter
continue
info registers rip
continue
info registers rip
stepi
delete
break block
continue
delete
watch *(int *) (bytes + 12)
awatch bytes[13]
continue
info registers rip rcx rdi
continue
info registers rip rcx rdi
stepi
info registers rip rcx rdi
continue
info registers rip rcx rdi
delete
watch area[1]
watch area[2]
watch area[3]
watch area[4]
continue
continue
continue
continue
delete
watch *(char (*)[32]) ((char *) area + 8)
continue
delete
continue
