# SPDX-License-Identifier: GPL-3.0-only
# What a handler is told is changed before it runs.
# program: told.c
# chance: .*sigqueue \(pid=.*
handle SIGUSR1 stop
continue
print $_siginfo.si_signo
print $_siginfo._sifields._rt.si_sigval.sival_int
print $_siginfo.si_code = -7
print $_siginfo._sifields._rt.si_sigval.sival_int = 4321
print $_siginfo._sifields._rt.si_sigval.sival_int
continue
print $_siginfo.si_code
print $_siginfo._sifields._rt.si_sigval.sival_int
continue
