// SPDX-License-Identifier: GPL-3.0-only
// Code far from the program and data at the edge of its reach: operands that an arena cannot reach,
// transfers between arenas.
#include "exit.inc"
_start:
  mov rdi, 0x100000000000
  call map
  mov rdi, 0x100070000000
  call map
  lea rsi, [rip + code]
  mov rdi, 0x100000000000
  mov rbx, rdi
  mov ecx, code_end - code
  rep movsb
  lea rax, [rip + leaf]
  mov ebp, 0x70000000
  mov [rbx + rbp], rax
  lea rax, [rip + leaf_arguments]
  mov [rbx + rbp + 8], rax
  mov r12d, 3
again:
  mov rcx, 0x1111222233334444
  mov rdx, 0x5555666677778888
  mov r11, 0x9999aaaabbbbcccc
  call rbx
  dec r12d
  jnz again
  finish
map:
  mov esi, 4096
  mov edx, 7
  mov r10d, 0x32  // private, anonymous, fixed
  mov r8, -1
  xor r9d, r9d
  mov eax, 9
  syscall
  ret
leaf:
  lea rax, [rcx + rdx]
  ret
leaf_arguments:
  ret 8

// An instruction up to its ModRM byte, then the distance to a place in the data page; `behind` counts
// the bytes that follow.
.macro far place, behind, opcode:vararg
  .byte \opcode
  .long 0x70000000 + \place - (. + 4 + \behind - code)
.endm
code:
  stc
  far 0, 0, 0x48, 0x8b, 0x05  // mov rax, [rip + place]
  far 16, 0, 0x48, 0x8b, 0x35  // mov rsi, [rip + place]
  far 24, 0, 0x48, 0x89, 0x35  // mov [rip + place], rsi
  jnc wrong
  far 32, 1, 0x83, 0x05  // add dword ptr [rip + place], 100
  .byte 100
  far 32, 4, 0x48, 0xc7, 0x05  // mov qword ptr [rip + place], 100
  .long 100
  far 32, 0, 0x48, 0x3b, 0x0d  // cmp rcx, [rip + place]
  far 32, 0, 0x0f, 0x10, 0x05  // movups xmm0, [rip + place]
  far 32, 0, 0xff, 0x35  // push qword ptr [rip + place]
  far 40, 0, 0x8f, 0x05  // pop qword ptr [rip + place]
  far 48, 0, 0x4c, 0x8d, 0x1d  // lea r11, [rip + place]
  far 0, 0, 0xff, 0x15  // call [rip + place]
  push 5
  far 8, 0, 0xff, 0x15
  ret
wrong:
  ud2
code_end:
