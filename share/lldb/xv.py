# SPDX-License-Identifier: GPL-3.0-only
"""lldb commands for a program that runs under xv. Put into ~/.lldbinit:

    command script import .../share/lldb/xv.py

Then `help xv`. They ask the server to which lldb is connected (its `monitor` commands).
"""

import shlex
import textwrap

import lldb

UNIT = 1 << 10


def answer(debugger, words, result):
    """What the server prints for a monitor command; None, with an error in `result`, when it cannot be asked."""
    process = debugger.GetSelectedTarget().GetProcess()
    if not process.IsValid() or process.GetState() != lldb.eStateStopped:
        result.SetError("there is no process that stands still")
        return None
    if process.GetPluginName() != "gdb-remote":
        result.SetError("the process is not debugged by a server")
        return None
    said = lldb.SBCommandReturnObject()
    debugger.GetCommandInterpreter().HandleCommand("process plugin packet monitor " + " ".join(words), said)
    # lldb shows the packet and the reply around what was printed.
    lines = (said.GetOutput() or "").splitlines()
    if not said.Succeeded() or any(line.strip() == "response:" for line in lines):
        result.SetError("the server has no monitor commands: is it xv-gdbstub?")
        return None
    return "\n".join(line for line in lines if not line.lstrip().startswith(("packet:", "response:")))


class Command:
    """One command: `usage` is its line, the first line of the class's text its help."""

    arguments = 0

    def __init__(self, debugger, _):
        self.debugger = debugger

    def get_short_help(self):
        return type(self).__doc__.splitlines()[0]

    def get_long_help(self):
        return f"{textwrap.dedent(type(self).__doc__).strip()}\n\nSyntax: {self.usage}\n"

    def __call__(self, debugger, text, context, result):
        words = shlex.split(text)
        least, most = (self.arguments, self.arguments) if isinstance(self.arguments, int) else self.arguments
        if not least <= len(words) <= most:
            result.SetError(f"usage: {self.usage}")
            return
        try:
            numbers = [self.address(context, word) for word in words]
        except ValueError as error:
            result.SetError(str(error))
            return
        self.run(debugger, numbers, context, result)

    def address(self, context, text):
        """The value of an expression."""
        value = context.GetFrame().EvaluateExpression(f"(unsigned long)({text})")
        if not value.GetError().Success():
            raise ValueError(f"'{text}' has no value: {value.GetError().GetCString().strip()}")
        return hex(value.GetValueAsUnsigned())

    def run(self, debugger, numbers, context, result):
        text = answer(debugger, [*self.monitor, *numbers], result)
        if text is not None:
            result.AppendMessage(text)


class Stats(Command):
    """Counters of the translator: fragments, requests, discarded caches."""

    usage = "xv stats"
    monitor = ["xv", "stats"]


class Flush(Command):
    """Discard all translated code; what runs next is translated anew."""

    usage = "xv flush"
    monitor = ["xv", "flush"]


class Collect(Command):
    """Discard translated code that is not used any more."""

    usage = "xv collect"
    monitor = ["xv", "collect"]


class Relocate(Command):
    """Move xv's own memory in the program, to an address or to any free place."""

    usage = "xv relocate [ADDRESS]"
    monitor = ["xv", "relocate"]
    arguments = (0, 1)


class Block(Command):
    """The block at an address: original and translated code side by side.

ADDRESS is an expression; without one it is the selected frame's place.
"""

    usage = "xv block [ADDRESS]"
    monitor = ["xv", "block"]
    arguments = (0, 1)

    def run(self, debugger, numbers, context, result):
        super().run(debugger, numbers or [hex(context.GetFrame().GetPC())], context, result)


class Maps(Command):
    """The program's memory, as it sees it: xv's own is not there."""

    usage = "xv maps"

    def run(self, debugger, numbers, context, result):
        process = debugger.GetSelectedTarget().GetProcess()
        if not process.IsValid() or process.GetState() != lldb.eStateStopped:
            result.SetError("there is no process that stands still")
            return
        regions = process.GetMemoryRegions()
        if not regions.GetSize():
            result.SetError("lldb could not read the list")
        region = lldb.SBMemoryRegionInfo()
        for index in range(regions.GetSize()):
            regions.GetMemoryRegionAtIndex(index, region)
            if not region.IsMapped():
                continue
            access = "".join(
                letter if is_allowed else "-" for letter, is_allowed in
                (("r", region.IsReadable()), ("w", region.IsWritable()), ("x", region.IsExecutable())))
            start, end = region.GetRegionBase(), region.GetRegionEnd()
            result.AppendMessage(
                f"{start:#018x} {end:#018x} {(end - start) // UNIT:>8} KiB {access} {region.GetName() or ''}".rstrip())


def __lldb_init_module(debugger, _):
    debugger.HandleCommand("command container add --overwrite --help 'The program under xv.' xv")
    for command in (Stats, Block, Maps, Flush, Collect, Relocate):
        name = command.__name__.lower()
        debugger.HandleCommand(f"command script add --overwrite --class {__name__}.{command.__name__} xv {name}")
