# SPDX-License-Identifier: GPL-3.0-only
# Commands that the server carries out at indirect calls, jumps and returns: each is passed once, also where what the
# transfer leads to was thrown away, or has to be translated first.
# program: transfers.c
# flags: -g -O0 -pthread
set print thread-events off
set dprintf-style agent
dprintf *at_call, "call\n"
dprintf *at_jump, "jump\n"
dprintf *at_return, "return\n"
break finished
continue
info breakpoints
delete
continue
