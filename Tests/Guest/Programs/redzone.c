// SPDX-License-Identifier: GPL-3.0-only
// groups: flow calls
// build: -O1
// The 128 bytes below rsp belong to the function: they hold over direct, conditional and indirect
// jumps and over system calls, and a hand-written call changes only the eight bytes it pushes.
#include "check.h"

uint64_t overJumps(uint64_t seed), overSystemCall(uint64_t seed), overCall(uint64_t seed);
extern char redTable[];

__asm__(".macro fill\n"
        "  .irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
        "  lea \\at(%rdi), %rax\n mov %rax, -\\at(%rsp)\n"
        "  .endr\n"
        ".endm\n"
        ".macro sum from\n"
        "  .irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n"
        "  .if \\at >= \\from\n add -\\at(%rsp), %rax\n .endif\n"
        "  .endr\n"
        ".endm\n"
        "overJumps:\n"
        "  fill\n"
        "  lea 1f(%rip), %rcx\n jmp *%rcx\n ud2\n"
        "1: test $1, %dil\n jz 2f\n jmp 3f\n"
        "2: lea 3f(%rip), %rdx\n mov %rdx, redPointer(%rip)\n jmp *redPointer(%rip)\n ud2\n"
        "3: lea redTable(%rip), %rcx\n movslq 4(%rcx), %rdx\n add %rcx, %rdx\n jmp *%rdx\n"
        "4: ud2\n"
        "5: xor %eax, %eax\n sum 8\n ret\n"
        ".pushsection .rodata\n.balign 4\nredTable: .long 4b-redTable, 5b-redTable\n.popsection\n"
        ".pushsection .data\n.balign 8\nredPointer: .quad 0\n.popsection\n"
        "overSystemCall:\n"
        "  fill\n mov $39, %eax\n syscall\n xor %eax, %eax\n sum 8\n ret\n"
        // The callee reads its caller's red zone below the pushed return address.
        "overCall:\n"
        "  fill\n call 1f\n sum 16\n ret\n"
        "1: xor %eax, %eax\n add -8(%rsp), %rax\n add -16(%rsp), %rax\n"
        "  mov (%rsp), %rdx\n lea 1b(%rip), %rcx\n jmp 2f\n"
        "2: ret\n");

int main(void) {
  for (uint64_t seed = 1000; seed < 1100; seed++) {
    uint64_t every = 16 * seed + 8 * 136;
    CHECK_EQUAL(overJumps(seed), every);
    CHECK_EQUAL(overSystemCall(seed), every);
    // The callee's -8 and -16 are the caller's -16 and -24.
    CHECK_EQUAL(overCall(seed), 2 * seed + 16 + 24 + every - seed - 8);
  }
  return verdict();
}
