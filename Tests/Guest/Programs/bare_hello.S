// SPDX-License-Identifier: GPL-3.0-only
// groups: bare flow
// build: -nostdlib -static -no-pie
// build pie: -nostdlib -static-pie
// Writes numbers: calls, returns, loops and jumps without libc.
  .globl _start
_start:
  mov %rsp, %rbp
  and $-16, %rsp
  xor %ebx, %ebx
1:
  mov %rbx, %rdi
  call cube
  mov %rax, %rdi
  call print
  inc %ebx
  cmp $20, %ebx
  jb 1b
  lea finish(%rip), %rax
  jmp *%rax
  ud2

cube:
  mov %rdi, %rax
  imul %rdi, %rax
  imul %rdi, %rax
  ret

print:                          // rdi in decimal and a newline
  sub $40, %rsp
  mov %rdi, %rax
  lea 39(%rsp), %rsi
  movb $10, (%rsi)
  mov $10, %ecx
1:
  xor %edx, %edx
  div %rcx
  add $'0', %dl
  dec %rsi
  mov %dl, (%rsi)
  test %rax, %rax
  jnz 1b
  lea 40(%rsp), %rdx
  sub %rsi, %rdx
  mov $1, %edi
  mov $1, %eax
  syscall
  add $40, %rsp
  ret

finish:
  cmp %rsp, %rbp
  mov $231, %eax
  mov $0, %edi
  syscall
  ud2
