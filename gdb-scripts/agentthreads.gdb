# SPDX-License-Identifier: GPL-3.0-only
# 64 threads meet a breakpoint at once whose condition the server computes; one call of all is told.
# program: crowd.c
# flags: -g -O1 -pthread
# flush: 60
# chance: .*(\[Switching|\[New Thread|\[Thread ).*|Thread [0-9N]+ "crowd" hit .*
set print thread-events off
set breakpoint condition-evaluation target
break visit if number == 37 && round == 11
continue
print number
print round
condition 1 number == 5 && round == 100
break done
continue
print total
continue
