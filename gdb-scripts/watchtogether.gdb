# SPDX-License-Identifier: GPL-3.0-only
# Several threads access watched memory at once: no access is lost, none is told twice.
# program: together.c
# flags: -g -O1 -fno-inline -pthread
set print thread-events off
break main
continue
awatch done
ignore 2 1000000
continue
info breakpoints
