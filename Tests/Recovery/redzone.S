// SPDX-License-Identifier: GPL-3.0-only
// Calls from code that keeps data below its stack pointer.
#include "exit.inc"
_start:
  mov r12d, 3
again:
  mov rax, 0x0123456789abcdef
  mov [rsp - 16], rax
  mov [rsp - 24], rax
  mov ecx, 1
  call leaf
  cmp [rsp - 16], rax
  jne wrong
  lea rdx, [rip + leaf]
  call rdx
  cmp [rsp - 24], rax
  jne wrong
  mov [rsp - 8], rdx
  call [rsp - 8]
  call arguments
  dec r12d
  jnz again
  finish
leaf:
  mov [rsp - 8], rdx
  mov r11, [rsp - 8]
  mov [rsp - 8], rax
  ret
arguments:
  mov [rsp - 32], rcx
  call leaf
  add rcx, [rsp - 32]
  ret 0
wrong:
  ud2
