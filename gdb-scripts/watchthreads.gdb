# SPDX-License-Identifier: GPL-3.0-only
# A watchpoint holds in threads that begin after it was set.
# program: watchedthreads.c
# flags: -g -O0 -pthread
# chance: .*(Thread N|\[Switching|work \(number|tread).*
set print thread-events off
break main
continue
watch shared
continue
continue
continue
continue
continue
