# SPDX-License-Identifier: GPL-3.0-only
# Calling functions of the program from the debugger.
# program: steps.c
break add if b > 5
continue
print factorial(6)
print compare("one", "two")
call add(3, 4)
print total
print $pc == (long)$pc
backtrace
break factorial
python
try:
    gdb.execute("print factorial(3)")
except gdb.error as stopped:
    print(stopped)
end
backtrace
delete 2
finish
delete
print (int)puts("from the debugger")
print (int)fflush(0)
print total
return 77
next
print last
continue
