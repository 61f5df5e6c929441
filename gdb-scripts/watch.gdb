# SPDX-License-Identifier: GPL-3.0-only
# Watchpoints: a global, a local that goes out of scope, an address, conditions, a step that meets one.
# program: steps.c
break add
continue
delete
watch total
continue
info registers rip
continue
delete
break add
continue
watch sum
continue
delete
watch -location history[3]
continue
info watchpoints
delete
watch total if total > 100
continue
delete
break 18
continue
watch total
stepi
stepi
stepi
next
delete
break factorial if n == 4
continue
watch n
continue
delete
watch origin.x if origin.x > 3
info watchpoints
continue
delete
finish
continue
