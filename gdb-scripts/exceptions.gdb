# SPDX-License-Identifier: GPL-3.0-only
# C++ exceptions: catching throw and catch, stepping over and through them.
# program: throwing.cc
break main
continue
catch throw
catch catch
continue
backtrace -3
continue
backtrace -2
delete 2 3
break attempt if n == 1
continue
catch rethrow
continue
backtrace -2
break 43
continue
next
next
break Worker::work if n == 0
continue
print destroyed
print *this
set print object on
info vtbl *this
ptype this
next
finish
delete
continue
