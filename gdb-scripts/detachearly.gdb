# SPDX-License-Identifier: GPL-3.0-only
# Detaching at the very first instruction.
# program: outlives.c
# arguments: result
# result: result
info registers rsp rdx
detach
