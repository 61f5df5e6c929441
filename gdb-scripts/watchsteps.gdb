# SPDX-License-Identifier: GPL-3.0-only
# Software watchpoints: a global, a condition, a local that goes out of scope.
# program: steps.c
set can-use-hw-watchpoints 0
break add
continue
delete
watch total
continue
continue
delete
watch sum
continue
watch history[3]
continue
delete
break factorial if n == 4
continue
watch origin.x if origin.x > 3
info watchpoints
continue
delete
finish
