// SPDX-License-Identifier: GPL-3.0-only
// What Swift's Glibc does not have: pseudo-terminals, timers with a descriptor.
#pragma once
#include <stddef.h>

/// A new pseudo-terminal's server end, not blocking; `path` gets the other end's name. Or -errno.
int xv_open_terminal(char *path, size_t size);

/// A timer that becomes readable again and again. Or -errno.
int xv_open_timer(long nanoseconds);
