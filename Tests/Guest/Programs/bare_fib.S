// SPDX-License-Identifier: GPL-3.0-only
// groups: bare flow
// flush: 2
// build: -nostdlib -static -no-pie
// status: 131
// fib(32) by recursion; the status is its value modulo 251.
  .globl _start
_start:
  mov $32, %edi
  call fib
  xor %edx, %edx
  mov $251, %ecx
  div %rcx
  mov %edx, %edi
  mov $231, %eax
  syscall
fib:
  cmp $2, %edi
  jae 1f
  mov %edi, %eax
  ret
1:
  push %rbx
  push %rdi
  dec %edi
  call fib
  mov %rax, %rbx
  pop %rdi
  sub $2, %edi
  call fib
  add %rbx, %rax
  pop %rbx
  ret
