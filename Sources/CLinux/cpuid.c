// SPDX-License-Identifier: GPL-3.0-only
#include "xv_cpuid.h"

#include <cpuid.h>
#include <sys/auxv.h>

int xv_cpuid_xsave_component(unsigned component, uint32_t *size, uint32_t *offset) {
  unsigned a, b, c, d;
  if (component < 2 || !__get_cpuid_count(0xd, component, &a, &b, &c, &d) || a == 0) return 0;
  *size = a;
  *offset = b;
  return 1;
}

int xv_has_fsgsbase(void) { return (getauxval(AT_HWCAP2) & 2) != 0; }
