// SPDX-License-Identifier: GPL-3.0-only
// groups: flow instructions hard
// build: -O1
// Transfers with prefixes and odd encodings, far returns, code that overlaps itself, jumps into the
// middle of instructions, leave and enter, long nops, endbr64.
#include "check.h"

uint64_t prefixed(void), overlapped(void), farReturn(void), interruptReturn(void), frames(void);
uint64_t switchedStack(uint64_t *top);

__asm__("prefixed:\n"
        "  endbr64\n xor %eax, %eax\n"
        "  lea 1f(%rip), %rcx\n .byte 0x3e\n jmp *%rcx\n ud2\n"           // notrack jmp
        "1: inc %eax\n lea 2f(%rip), %rcx\n .byte 0xf2\n jmp *%rcx\n ud2\n"  // bnd jmp
        "2: inc %eax\n .byte 0xf2\n call 7f\n"                             // bnd call
        "  inc %eax\n lea 7f(%rip), %rdx\n .byte 0x3e\n call *%rdx\n"      // notrack call
        "  inc %eax\n call 8f\n"
        "  inc %eax\n test %eax, %eax\n .byte 0x2e\n jz 1b\n .byte 0x3e\n jnz 3f\n ud2\n"  // hints
        "3: inc %eax\n .byte 0x48\n jmp 4f\n ud2\n"                        // rex.w jmp rel8
        "4: inc %eax\n .byte 0x41, 0x57, 0x4c, 0x8d, 0x3d\n .long 5f-9f\n" // push r15; lea 5f, r15
        "9: .byte 0x41, 0xff, 0xe7\n ud2\n"                                // jmp *%r15
        "5: pop %r15\n inc %eax\n"
        "  .byte 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n nopw 0(%rax,%rax)\n"
        "  .byte 0xf3, 0x90\n"
        "  .byte 0xf3, 0xc3\n"                                             // rep ret
        "7: .byte 0xf2, 0xc3\n"                                            // bnd ret
        "8: .byte 0xf3, 0xc3\n"
        // The immediate of the mov is itself `add $7, %eax; jmp +2`: once skipped, once executed.
        "overlapped:\n"
        "  xor %eax, %eax\n mov $2, %ecx\n"
        "1: .byte 0xba\n"
        "2: .byte 0x83, 0xc0, 0x07, 0x90\n"
        "  dec %ecx\n jz 3f\n jmp 2b\n"
        "3: lea 1(%rax,%rax), %eax\n ret\n"
        "farReturn:\n"
        "  mov %cs, %eax\n push %rax\n lea 1f(%rip), %rcx\n push %rcx\n lretq\n ud2\n"
        "1: mov $11, %eax\n ret\n"
        "interruptReturn:\n"
        "  mov %rsp, %rdx\n mov %ss, %eax\n push %rax\n push %rdx\n pushfq\n orq $1, (%rsp)\n"
        "  mov %cs, %eax\n push %rax\n lea 1f(%rip), %rcx\n push %rcx\n iretq\n ud2\n"
        "1: mov $20, %eax\n adc $0, %eax\n ret\n"
        "frames:\n"
        "  mov %rsp, %rcx\n enter $64, $0\n movq $5, -64(%rbp)\n mov -64(%rbp), %rax\n leave\n"
        "  sub %rsp, %rcx\n add %rcx, %rax\n push %rsp\n pop %rdx\n sub %rsp, %rdx\n add %rdx, %rax\n"
        "  push $3\n push %rax\n pop (%rsp)\n pop %rax\n ret\n"
        // The stack pointer points elsewhere over calls and returns.
        "switchedStack:\n"
        "  push %rbx\n mov %rsp, %rbx\n mov %rdi, %rsp\n call 1f\n mov %rbx, %rsp\n pop %rbx\n ret\n"
        "1: push $9\n pop %rax\n call 2f\n inc %eax\n ret\n"
        "2: xchg %rsp, %rbx\n call 3f\n xchg %rsp, %rbx\n ret\n"
        "3: add $30, %eax\n ret\n");

int main(void) {
  uint64_t stack[100];
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(prefixed(), 8);
    CHECK_EQUAL(overlapped(), 15);
    CHECK_EQUAL(farReturn(), 11);
    CHECK_EQUAL(interruptReturn(), 21);
    CHECK_EQUAL(frames(), 5);
    CHECK_EQUAL(switchedStack(stack + 90), 40);
  }
  return verdict();
}
