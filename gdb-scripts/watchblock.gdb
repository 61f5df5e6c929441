# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints met by string instructions and loops; several registers at once; too many.
# program: watched.c
define try
  python
try:
  gdb.execute("$arg0")
except gdb.error as error:
  print(error)
  end
end
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
watch area[5]
try continue
delete 10
continue
continue
delete
watch *(char (*)[33]) area
try continue
delete
watch *(char (*)[32]) ((char *) area + 8)
continue
delete
continue
