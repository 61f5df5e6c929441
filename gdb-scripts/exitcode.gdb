# SPDX-License-Identifier: GPL-3.0-only
# Running to the end, and the status.
# program: dies.c
# arguments: 37
continue
print $_exitcode
info inferiors
