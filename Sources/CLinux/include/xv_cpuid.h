// SPDX-License-Identifier: GPL-3.0-only
#pragma once
#include <stdint.h>

/// Size and offset of a component in the standard-format XSAVE area (CPUID leaf 0xD); returns 0
/// when the processor has no such component, and then leaves both alone.
int xv_cpuid_xsave_component(unsigned component, uint32_t *_Nonnull size, uint32_t *_Nonnull offset);
/// Whether the kernel lets programs execute rdfsbase (HWCAP2_FSGSBASE).
int xv_has_fsgsbase(void);
