# SPDX-License-Identifier: GPL-3.0-only
# What the debugger knows of the process: auxiliary vector, libraries, executable, threads.
# program: steps.c
info auxv
break main
continue
info sharedlibrary
info files
info inferiors
info threads
thread 1
info symbol puts
x/2i puts
info target
print $_exitcode
show architecture
info source
