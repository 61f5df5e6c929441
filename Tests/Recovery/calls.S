// SPDX-License-Identifier: GPL-3.0-only
// Calls and returns of every form, from fragments that are new and from fragments that are linked.
#include "exit.inc"
_start:
  mov r12d, 3
  // distinct values in the registers that lookups displace
  mov rcx, 0x1111222233334444
  mov rdx, 0x5555666677778888
  mov r11, 0x9999aaaabbbbcccc
again:
  call leaf
  call reader
  call recursion_start
  call keeps_all

  // a register that the lookup displaces, and others
  .irp register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r11, r13, r15
    lea \register, [rip + leaf]
    call \register
    mov rcx, 0x1111222233334444
    mov rdx, 0x5555666677778888
    mov r11, 0x9999aaaabbbbcccc
    lea \register, [rip + reader]
    call \register
  .endr

  // memory operands: on the stack, through an index, rip-relative
  lea rax, [rip + reader]
  mov [rip + pointer], rax
  call [rip + pointer]
  lea rbx, [rip + pointer]
  xor ecx, ecx
  call [rbx + rcx * 8]
  mov edx, 1
  call [rbx + rdx * 8 - 8]
  lea rax, [rip + leaf]
  push rax
  call [rsp]
  push rax
  call [rsp + 8]
  lea rsp, [rsp + 16]
  mov r11, rbx
  call [r11]

  // arguments that the callee takes off the stack
  push 1
  push 2
  call two_arguments
  push 3
  lea rax, [rip + two_arguments]
  push 4
  call rax
  call return_zero

  // returns to where no call came from
  lea rax, [rip + 1f]
  push rax
  ret
1:
  lea rcx, [rip + 2f]
  push rcx
  mov rcx, 0x1111222233334444
  ret
2:
  lea rax, [rip + 3f]
  push 5
  push rax
  ret 8
3:
  call 4f  // reads its own address
4:
  pop rbx
  call abandoned
  call tail
  call tail_memory

  // a call whose continuation is also reached by a jump
  mov ebp, 2
5:
  call leaf
6:
  dec ebp
  jz 7f
  jmp 6b
7:
  call leaf_repz
  dec r12d
  jnz again
  finish

leaf:
  ret
leaf_repz:
  repz ret
reader:
  lea rax, [rcx + rdx]
  lea rax, [rax + r11]
  ret
keeps_all:
  push rcx
  push rdx
  push r11
  xor ecx, ecx
  xor edx, edx
  xor r11d, r11d
  call leaf
  pop r11
  pop rdx
  pop rcx
  ret
recursion_start:
  mov edi, 4
recursion:
  dec edi
  js 1f
  call recursion
  call leaf
1:
  ret
two_arguments:
  mov rax, [rsp + 8]
  add rax, [rsp + 16]
  ret 16
return_zero:
  ret 0
abandoned:
  // leaves two frames at once
  call 1f
  ud2
1:
  lea rsp, [rsp + 8]
  ret
tail:
  lea rax, [rip + reader]
  jmp rax
tail_memory:
  jmp [rip + pointer]
.data
pointer:
  .quad 0
