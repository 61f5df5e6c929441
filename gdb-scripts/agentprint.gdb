# SPDX-License-Identifier: GPL-3.0-only
# dprintf that the server carries out, with and without a condition.
# program: counts.c
set breakpoint condition-evaluation target
set dprintf-style agent
dprintf visit,"round %d of \"%s\": %ld %#lx\n", round, place->name, place->large, place->huge
dprintf done,"100%% done\n"
info breakpoints
break visit if round == 6
continue
print round
delete 3
break done
continue
continue
