// SPDX-License-Identifier: GPL-3.0-only
// Instructions that use %gs and %fs, in fragments and carried out by the server.
#include "exit.inc"
_start:
  mov r12d, 3
again:
  mov edi, 0x1001  // ARCH_SET_GS
  lea rsi, [rip + area]
  mov eax, 158
  syscall
  mov edi, 0x1002  // ARCH_SET_FS
  lea rsi, [rip + area + 64]
  mov eax, 158
  syscall
  mov rcx, 0x1111222233334444
  mov rdx, 0x5555666677778888
  mov eax, 8
  mov r9d, 1
  mov gs:[0], rcx
  mov rbx, gs:[0]
  add gs:[8], rdx
  add rbx, gs:[rax]
  cmp byte ptr gs:[rax + r9 * 8 - 8], 3
  mov gs:[rax + 8], rax
  xchg gs:[rax], rcx
  lock add dword ptr gs:[eax], 5
  movups xmm1, gs:[rax]
  movups gs:[rax + 16], xmm1
  mov dword ptr gs:[24], 0x12345678
  push qword ptr gs:[8]
  pop qword ptr gs:[16]
  mov rbx, fs:[0]
  add fs:[8], rbx
  // through %gs, and through %fs
  lea rax, [rip + leaf]
  mov gs:[32], rax
  call gs:[32]
  mov fs:[16], rax
  call fs:[16]
  lea rax, [rip + 1f]
  mov gs:[40], rax
  jmp gs:[40]
  ud2
1:
  mov edi, 0x1004  // ARCH_GET_GS
  lea rsi, [rip + area + 128]
  mov eax, 158
  syscall
  mov rcx, [rip + area + 128]
  dec r12d
  jnz again
  finish
leaf:
  ret
.bss
  .align 64
area:
  .skip 256
