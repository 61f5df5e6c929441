// SPDX-License-Identifier: GPL-3.0-only
#pragma once
#include <expat.h>
