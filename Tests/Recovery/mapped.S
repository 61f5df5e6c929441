// SPDX-License-Identifier: GPL-3.0-only
// Maps a segment of its file a second time and calls the code there.
#include "exit.inc"
_start:
  mov eax, 2  // open
  lea rdi, [rip + self]
  xor esi, esi
  syscall
  mov r8, rax
  mov eax, 9  // mmap: read and execute, private
  xor edi, edi
  mov esi, 4096
  mov edx, 5
  mov r10d, 2
  mov r9d, [rip + place]
  syscall
  mov rbx, rax
  xor edi, edi
  call rbx
  cmp edi, 3
  je good
  ud2
good:
  finish
self: .asciz "/proc/self/exe"
.balign 8
place: .quad 0x3000  // where the linker puts the other segment

.section .other, "ax", @progbits
.balign 4096
other:
  call inner
  ret
inner:
  lea edi, [rdi + 3]
  ret
.balign 4096
