# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints on code: its execution is no access.
# program: watchedcode.c
break 22
continue
delete
awatch -location code[4]
continue
continue
delete
continue
