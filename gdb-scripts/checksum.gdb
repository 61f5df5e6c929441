# SPDX-License-Identifier: GPL-3.0-only
# A program that sums its own code while breakpoints are in it.
# program: checksum.c
break ready
continue
print first != 0
break one_round if n == 7
break *checksum
ignore 3 100000
break *(char *)checksum + 4 if first == 0
tbreak one_round
continue
continue
x/4i checksum
stepi 3
backtrace
delete
continue
