// SPDX-License-Identifier: GPL-3.0-only
#pragma once
// The C library's types must look as they do in CLinux, or Swift takes them for two types.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <capstone/capstone.h>
