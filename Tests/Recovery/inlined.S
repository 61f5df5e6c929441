// SPDX-License-Identifier: GPL-3.0-only
// Small functions that only compute: they stand in the fragments of their callers. Calls through slots that nobody
// may write to, whose targets are known, and slots that change after all.
#include "exit.inc"
_start:
  mov r12d, 4
again:
  // scratch registers in place, then in their slots
  mov rcx, 0x1111222233334444
  mov rdx, 0x5555666677778888
  mov edi, r12d
  call straight
  call branches
  call changes
  lea rax, [rip + straight]
  call rax
  call branches
  call changes
  lea rsi, [rcx + rdx]
  lea rax, [rip + leaves]
  call rax
  call own_return
  call pieces
  mov r13, rcx
  call rax_is_flags
  jc 1f
  mov r14, rdx
1:
  // a return address that a jump leads to, and a call that one leads to
  mov ebx, 3
  call branches
2:
  dec ebx
  jnz 2b
  mov ebx, 3
3:
  call changes
  dec ebx
  jnz 3b
  // what stays a call: it stores, it loops, it moves the stack pointer, it calls
  call stores
  call loops
  call pushes
  call calls

  // Slots: written, protected, read by calls and jumps of units that are made behind that.
  lea rax, [rip + straight]
  test r12d, 1
  jz 4f
  lea rax, [rip + branches]
4:
  mov [rip + slots], rax
  mov [rip + slots + 8], rax
  lea rax, [rip + 5f]
  test r12d, 2
  jz 6f
  lea rax, [rip + 7f]
6:
  mov [rip + slots + 16], rax
  mov edx, 1  // PROT_READ
  call protect
  lea rax, [rip + through_slots]
  jmp rax
  .org _start + 0x200
through_slots:
  mov rcx, 0x9999aaaabbbbcccc
  mov edx, 0x12345678
  call stub
  call landing_stub
  call [rip + slots + 8]
  jmp [rip + slots + 16]
5:
  lea rbp, [rcx + rdx]
7:
  mov edx, 3  // PROT_READ | PROT_WRITE
  call protect
  lea rax, [rip + 8f]
  jmp rax
  .org _start + 0x280
8:
  dec r12d
  jnz again
  finish

  .org _start + 0x2c0
protect:
  lea rdi, [rip + slots]
  mov esi, 4096
  mov eax, 10  // mprotect
  syscall
  ret
  .org _start + 0x300
stub:
  jmp [rip + slots]
  .org _start + 0x310
landing_stub:
  endbr64
  bnd jmp [rip + slots]

  .org _start + 0x340
straight:
  endbr64
  lea rax, [rdi + rdi * 2]
  movzx r8d, al
  ret
  .org _start + 0x360
branches:
  cmp rdi, 3
  jb 1f
  je 2f
  mov rax, [rip + value]
  ret
1:
  mov eax, 5
  ret
2:
  xor eax, eax
  sub rax, rdi
  ret
  .org _start + 0x3a0
changes:
  test edi, 1
  jz 1f
  lea rcx, [rcx + rcx * 2 + 1]
  jmp 2f
1:
  add rdx, rdi
2:
  inc edi
  ret
leaves:
  ret
own_return:
  mov rax, [rsp]
  ret
rax_is_flags:
  bt edi, 0
  sbb eax, eax
  bt edi, 0
  ret
pieces:
  test edi, 2
  jnz 1f
  mov eax, 1
  ret
between:
  mov eax, 2
  ret
1:
  mov eax, 3
  ret
stores:
  mov [rip + value], rdi
  ret
loops:
  mov eax, 3
1:
  dec eax
  jnz 1b
  ret
pushes:
  push rdi
  pop rax
  ret
calls:
  call straight
  ret

  .data
value:
  .quad 77
  .balign 4096
slots:
  .fill 512, 8, 0
