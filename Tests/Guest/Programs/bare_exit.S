// SPDX-License-Identifier: GPL-3.0-only
// groups: bare
// build: -nostdlib -static -no-pie
// build pie: -nostdlib -static-pie
// status: 42
// The least program there is.
  .globl _start
_start:
  mov $231, %eax
  mov $42, %edi
  syscall
  ud2
