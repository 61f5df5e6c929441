# SPDX-License-Identifier: GPL-3.0-only
# Conditions that the server computes, and what agent expressions can do.
# program: counts.c
set breakpoint condition-evaluation target
show breakpoint condition-evaluation
break visit if round == 3
continue
print round
print place->name
condition 1 round * 2 - 1 == 9 && place->whole == 2
continue
print round
condition 1 place->small < 0 && place->middle == 65535 && place->large / 1000000000 == -5
continue
print round
print *place
condition 1 place->next == 0 || (place->huge >> 3) > 100
continue
print round
condition 1 ~place->whole == -3 && !(round & 1) == 0 && (round ^ 16) == 1
continue
print round
info breakpoints
delete
break done
continue
