# SPDX-License-Identifier: GPL-3.0-only
# Somebody kills the program where it stands: its end is the answer to the next resume.
# program: steps.c
break factorial
continue
python
import os, signal
process = gdb.selected_inferior().pid
os.kill(process, signal.SIGKILL)
# All that is left of it is what its parent has not taken, or nothing.
alive = True
while alive:
    try:
        with open(f"/proc/{process}/stat") as file:
            alive = file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        alive = False
end
continue
info inferiors
