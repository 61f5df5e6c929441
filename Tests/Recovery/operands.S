// SPDX-License-Identifier: GPL-3.0-only
// Rip-relative operands of every shape, stack instructions, strings, flags, vectors.
#include "exit.inc"
_start:
  mov r12d, 2
again:
  lea rbx, [rip + data]
  mov rax, [rip + data]
  mov [rip + data + 8], rax
  mov dword ptr [rip + data + 16], 0x12345678
  mov byte ptr [rip + data + 20], 9
  mov word ptr [rip + data + 22], 0x1234
  add qword ptr [rip + data], 100
  cmp byte ptr [rip + data], 5
  imul ecx, [rip + data], 77
  imul rdx, [rip + data], 0x12345
  shl qword ptr [rip + data + 8], 3
  inc dword ptr [rip + data + 16]
  push qword ptr [rip + data]
  pop qword ptr [rip + data + 24]
  movups xmm0, [rip + data]
  pshufd xmm1, [rip + data], 0x1b
  movd eax, xmm1
  pextrb [rip + data + 3], xmm1, 2
  bt dword ptr [rip + data], 4
  setc al
  cmove rcx, [rip + data]
  lock xadd [rip + data], rcx
  lock cmpxchg [rip + data + 8], rdx
  test dword ptr [rip + data], 0x10
  fld qword ptr [rip + data]
  fstp qword ptr [rip + data + 32]

  push rbp
  mov rbp, rsp
  enter 32, 1
  leave
  leave
  push 77
  push rsp
  pop rax
  pop rcx
  pushf
  or qword ptr [rsp], 1
  popf
  adc rcx, rax
  push rcx
  pop qword ptr [rsp - 8]

  lea rsi, [rip + data]
  lea rdi, [rip + data + 64]
  mov ecx, 5
  rep movsb
  mov ecx, 3
  mov al, 0
  repne scasb
  mov ecx, 2
  rep stosq
  lodsd
  xlatb
  cpuid
  mov rcx, rdx
  cqo
  div qword ptr [rip + one]
  mulx r8, r9, r10
  dec r12d
  jnz again
  finish
.data
  .align 16
one:
  .quad 1, 0
data:
  .quad 3, 5, 7, 11, 13, 17, 19, 23
  .skip 64
