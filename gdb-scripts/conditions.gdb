# SPDX-License-Identifier: GPL-3.0-only
# Conditions, ignore counts, commands, temporary breakpoints.
# program: steps.c
break add if a == 4
ignore 1 0
tbreak steps.c:22
break factorial
ignore 3 2
commands 3
  silent
  printf "factorial of %d\n", n
  continue
end
break compare if b[0] == 'o'
break compare if a[0] == 'z'
continue
print b
condition 1 a == 8
continue
continue
print n
condition 1 sum == 123456
continue
