# SPDX-License-Identifier: GPL-3.0-only
# catch signal: one signal, and sending another one instead.
# program: signals.c
catch signal SIGUSR1
catch signal SIGURG
info breakpoints
continue
backtrace -1
continue
continue
signal SIGURG
signal SIGTERM
