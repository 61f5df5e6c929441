// SPDX-License-Identifier: GPL-3.0-only
// A jump that is made again and again to code that a test changes: the last round's code says how to end.
#include "exit.inc"
_start:
  mov ebp, 9
again:
  lea rax, [rip + target]
  jmp rax
  .p2align 6
.globl target
target:
  mov edi, 7
  dec ebp
  jnz again
  mov eax, 231
  syscall
