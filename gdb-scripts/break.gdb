# SPDX-License-Identifier: GPL-3.0-only
# Breakpoints by name, line, address, in a file and in a library; deleting and disabling them.
# program: steps.c
break main
break steps.c:20
info breakpoints
continue
break *compare
tbreak factorial
continue
continue
backtrace
disable 2
continue
clear steps.c:20
delete 2
continue
print $pc == (long)&compare
break printf
continue
bt 1
info breakpoints
delete
continue
