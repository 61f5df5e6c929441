# SPDX-License-Identifier: GPL-3.0-only
# Killing the program.
# program: steps.c
break factorial
continue
kill
info inferiors
