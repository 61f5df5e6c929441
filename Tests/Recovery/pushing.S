// SPDX-License-Identifier: GPL-3.0-only
// A function that begins with a push: called, jumped to, and called through a register. Each is a unit of its own.
#include "exit.inc"
_start:
  mov ebx, 5
  mov ecx, 6  // no slot holds it
  call function
  lea rax, [rip + 1f]
  jmp rax
1:
  lea rax, [rip + 2f]
  push rax
  mov ecx, 8
  jmp function
2:
  lea rax, [rip + function]
  mov ecx, 9
  call rax
  jmp end
  .org _start + 0x60
end:
  mov edi, 7
  mov eax, 231
  syscall
  .org _start + 0x80
function:
  push rbx
  mov rbx, rcx
  pop rbx
  ret
