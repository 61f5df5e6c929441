// SPDX-License-Identifier: GPL-3.0-only
// Direct jumps: all sixteen conditions both ways, short and near, loops that count in rcx.
#include "exit.inc"
_start:
  mov r12d, 3  // once unlinked, then linked
again:
  .irp first, 0, 1, 77
    .irp condition, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
      mov eax, 0x7fffffff
      add eax, \first
      j\condition 1f
      lea r8, [r8 + 1]
1:
    .endr
  .endr
  xor eax, eax
  jmp 2f
  .skip 300, 0x90
2:
  cmp eax, 1
  .byte 0x0f, 0x84  // je rel32
  .long again - . - 4
  mov ecx, 4
3:
  lea r9, [r9 + rcx]
  loop 3b
  mov ecx, 5
4:
  cmp ecx, 3
  loopne 4b
  mov ecx, 5
5:
  cmp ecx, ecx
  loope 5b
  jrcxz 6f
  ud2
6:
  mov rcx, 0x100000000
  jecxz 7f
  ud2
7:
  jrcxz 8f
  mov ecx, 2
9:
  addr32 loop 9b
8:
  // a jump into the middle of what was run before
  test r13d, r13d
  jnz 10f
  inc r13d
  mov ecx, 2
  jmp 3b
10:
  std
  cld
  stc
  cmc
  dec r12d
  jnz again
  finish
