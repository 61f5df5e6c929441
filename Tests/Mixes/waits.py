# SPDX-License-Identifier: GPL-3.0-only
"""A breakpoint on a system call that blocks, which the server counts by itself: threads pass it once for each call,
whatever is thrown away while they wait."""

from mixes import Mix, Wrong

# printf("met\n"): function, channel, format.
PRINT = b"\x22\0\x22\0\x34\0\0\x05met\n\0\x27"


class Waits(Mix):
    source = "waits.c"
    # As many as the program reads bytes.
    printed = b"met\n" * 12

    def run(self, _):
        self.connect()
        self.client.ask(b"?")
        command = b"Z0,%x,1;cmds:0,X%x,%s" % (self.symbols["reading"], len(PRINT), PRINT.hex().encode())
        if self.client.ask(command) != b"OK":
            raise Wrong("a breakpoint with a command cannot be inserted")
        self.client.send(b"vCont;c")
        if not (self.client.reply() or b"").startswith(b"W00"):
            raise Wrong("no end")
