# SPDX-License-Identifier: GPL-3.0-only
# Parent and child are debugged and run together.
# program: processes.c
# arguments: fork
# The parent may not have come to its wait yet: it may stand in main, in the PLT or in the dynamic linker.
# chance: .*1\.1 +Thread .*|#0 +(?!child ).*|\d+\t(\.\.?/.*|  wait.*)
set detach-on-fork off
set schedule-multiple on
break child
break parent
catch fork
continue
continue
info threads
backtrace
finish
set schedule-multiple off
continue
inferior 1
continue
print before
continue
