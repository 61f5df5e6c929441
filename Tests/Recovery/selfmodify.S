// SPDX-License-Identifier: GPL-3.0-only
// Code in writable memory that changes itself: its fragments check their original bytes.
#include "exit.inc"
.section .changing,"awx",@progbits
_start:
  mov r12d, 4
  mov rcx, 0x1111222233334444
  mov r11, 0x9999aaaabbbbcccc
again:
  stc
patched:
  mov eax, 1
  jnc wrong
  add ebx, eax
  mov [rip + patched + 1], r12d
  mov byte ptr [rip + behind + 1], 9  // in the very block
behind:
  mov al, 1
  add ebx, eax
  call function
  lea rdx, [rip + function]
  call rdx
  mov byte ptr [rip + behind + 1], 1
  inc byte ptr [rip + function + 3]
  dec r12d
  jnz again
  finish
function:
  add r8, 5
  ret 0
wrong:
  ud2
