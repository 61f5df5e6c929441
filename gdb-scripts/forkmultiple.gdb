# SPDX-License-Identifier: GPL-3.0-only
# Parent and child are debugged and run together.
# program: processes.c
# arguments: fork
# The parent may not have come to its wait yet: the dynamic linker looks for the function first.
# chance: .*1\.1 +Thread .*|#0 +(0x[0-9a-f]+ in )?(__GI___wait4|_dl_\w+|do_lookup_x|check_match|strcmp) .*|\d+\t\.\./sysdeps/.*
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
