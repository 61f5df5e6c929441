# SPDX-License-Identifier: GPL-3.0-only
# Return address, a signal frame's rip and rcx after a system call are the original ones.
# program: addresses.c
handle SIGILL nostop noprint pass
break look_at_return
break done
continue
finish
print (char *)returned_to
info symbol returned_to
next
print rcx_after == next_rip
info symbol rcx_after
next
info symbol frame_rip
x/2i frame_rip
delete 1
break skip
continue
backtrace
delete 3
continue
continue
