// SPDX-License-Identifier: GPL-3.0-only
// Indirect jumps: tables, registers, memory; targets that need all scratch registers and none.
#include "exit.inc"
_start:
  mov r12d, 9
again:
  mov eax, r12d
  and eax, 3
  lea rbx, [rip + table]
  movsxd rcx, dword ptr [rbx + rax * 4]
  add rcx, rbx
  mov rdx, 0x5555666677778888
  mov r11, 0x9999aaaabbbbcccc
  cmp eax, 2  // flags live across the jump
  notrack jmp rcx
case_0:
  jz wrong
  mov rax, rcx
  jmp next
case_1:
  jnb wrong
  mov rax, rdx
  mov rcx, 1
  jmp next
case_2:
  jnz wrong
  xor ecx, ecx
  xor edx, edx
  xor r11d, r11d
  jmp next
case_3:
  jbe wrong
  mov rax, r11
next:
  .irp register, rcx, rdx, r11, rsi, r14
    lea \register, [rip + 1f]
    jmp \register
    ud2
1:
  .endr
  lea rax, [rip + 2f]
  push rax
  jmp [rsp]
  ud2
2:
  pop rcx
  lea rax, [rip + 3f]
  mov [rip + pointer], rax
  jmp [rip + pointer]
  ud2
3:
  lea rdx, [rip + pointer]
  lea rax, [rip + 4f]
  mov [rdx], rax
  mov ecx, 3
  jmp [rdx + rcx * 8 - 24]
  ud2
4:
  dec r12d
  jnz again
  finish
wrong:
  ud2
.section .rodata
  .align 4
table:
  .long case_0 - table, case_1 - table, case_2 - table, case_3 - table
.data
pointer:
  .quad 0
