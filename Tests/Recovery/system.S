// SPDX-License-Identifier: GPL-3.0-only
// System calls: numbers known at translation and not, seen by the server and not; their clobbers.
#include "exit.inc"
_start:
  mov r12d, 3
again:
  mov eax, 24  // sched_yield, known
  syscall
  mov rax, rcx
  // close(-1): a number that translation cannot know, with flags that matter
  mov rax, [rip + close]
  mov rdi, -1
  stc
  syscall
  jnc wrong
  cmp rax, -9
  jne wrong
  // the same instruction, with a call that the server sees and one that it does not
  mov rbx, [rip + protect]
  mov r13d, 4
1:
  mov rax, rbx
  lea rdi, [rip + page]
  mov esi, 4096
  mov edx, 3
  mov rcx, 0x1111222233334444
  mov r11, 0x9999aaaabbbbcccc
  cmp r13d, 2
  syscall
  xchg rbx, [rip + close]
  dec r13d
  jnz 1b
  // known and seen
  lea rdi, [rip + page]
  mov esi, 4096
  mov edx, 3
  xor ecx, ecx
  stc
  mov eax, 10  // mprotect
  syscall
  jnc wrong
  test rax, rax
  jne wrong
  mov eax, 12  // brk
  xor edi, edi
  syscall
  mov eax, 600  // no such call
  syscall
  cmp rax, -38
  jne wrong
  mov rax, 0xffffffffffffffff
  syscall
  mov edi, 10  // rt_sigaction of SIGUSR1: read it
  xor esi, esi
  lea rdx, [rip + page]
  mov r10d, 8
  mov eax, 13
  syscall
  dec r12d
  jnz again
  finish
wrong:
  ud2
.data
close:
  .quad 3
protect:
  .quad 10
.bss
  .align 4096
page:
  .skip 4096
