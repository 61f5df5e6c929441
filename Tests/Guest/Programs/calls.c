// SPDX-License-Identifier: GPL-3.0-only
// groups: flow calls
// build: -O1
// build no-pie: -O1 -no-pie
// Calls in every addressing form, through every register, and returns with and without a count.
// The callee checks that the return address on the stack is that of the original call.
#include "check.h"

uint64_t throughRegisters(void), throughMemory(void), poppedReturn(void), countedReturn(void);
uint64_t throughJumps(void), retpoline(void), pushedReturn(void);
extern char callLabels[];
uint64_t seen[64], seenCount;

__asm__(
    // Notes the return address and changes nothing.
    "note:\n"
    "  push %rax\n push %rbx\n pushfq\n"
    "  lea seen(%rip), %rbx\n"
    "  mov seenCount(%rip), %rax\n"
    "  mov 24(%rsp), %r8\n"
    "  mov %r8, (%rbx,%rax,8)\n"
    "  incq seenCount(%rip)\n"
    "  popfq\n pop %rbx\n pop %rax\n ret\n"

    ".pushsection .data.rel.local,\"aw\"\n.balign 8\ncallLabels:\n.popsection\n"
    ".macro known\n77:\n.pushsection .data.rel.local\n.quad 77b\n.popsection\n.endm\n"
    ".macro through r\n lea note(%rip), %\\r\n call *%\\r\n known\n.endm\n"

    "throughRegisters:\n"
    "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "  .irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
    "  through \\r\n"
    "  .endr\n"
    "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "  mov seenCount(%rip), %rax\n ret\n"

    "throughMemory:\n"
    "  sub $40, %rsp\n"
    "  lea note(%rip), %rax\n"
    "  mov %rax, (%rsp)\n mov %rax, 16(%rsp)\n mov %rax, pointer(%rip)\n"
    "  call note\n known\n"
    "  call *(%rsp)\n known\n"
    "  call *16(%rsp)\n known\n"
    "  mov $2, %ecx\n"
    "  call *(%rsp,%rcx,8)\n known\n"
    "  call *-2(%rsp,%rcx)\n known\n"
    "  call *pointer(%rip)\n known\n"
    "  lea pointer(%rip), %rcx\n"
    "  call *(%rcx)\n known\n"
    "  lea pointer-0x1000(%rip), %r11\n"
    "  call *0x1000(%r11)\n known\n"
    "  mov %rsp, %rdx\n mov $-1, %r9\n"
    "  call *8(%rdx,%r9,8)\n known\n"
    "  push %rbp\n lea 8(%rsp), %rbp\n"
    "  call *16(%rbp)\n known\n"
    "  pop %rbp\n"
    "  add $40, %rsp\n"
    "  mov seenCount(%rip), %rax\n ret\n"
    ".pushsection .data\n.balign 8\npointer: .quad 0\n.popsection\n"

    // A call that is no call: the next address is taken from the stack.
    "poppedReturn:\n"
    "  call 1f\n"
    "1: pop %rax\n lea 1b(%rip), %rcx\n sub %rcx, %rax\n ret\n"

    // ret with a count drops the caller's pushed arguments.
    "countedReturn:\n"
    "  mov %rsp, %r8\n"
    "  push $1\n push $2\n push $3\n call three\n"
    "  sub %rsp, %r8\n jz 1f\n ud2\n"
    "1: lea three(%rip), %r11\n push $4\n push $5\n push $6\n call *%r11\n ret\n"
    "three: mov 8(%rsp), %rax\n add 16(%rsp), %rax\n add 24(%rsp), %rax\n ret $24\n"

    // Jumps through memory and registers, ending in a return made of a push.
    "throughJumps:\n"
    "  lea 1f(%rip), %rax\n mov %rax, pointer(%rip)\n mov $1, %eax\n jmp *pointer(%rip)\n ud2\n"
    "1: lea 2f(%rip), %r11\n add $2, %eax\n jmp *%r11\n ud2\n"
    "2: lea 3f(%rip), %rcx\n push %rcx\n add $4, %eax\n jmp *(%rsp)\n ud2\n"
    "3: pop %rdx\n lea 5f-3b(%rdx), %rdx\n add $8, %eax\n push %rdx\n ret\n ud2\n"
    "5: add $16, %eax\n ret\n"

    // The callee replaces its own return address and returns to that.
    "retpoline:\n"
    "  lea 3f(%rip), %rax\n call 2f\n"
    "1: pause\n lfence\n jmp 1b\n"
    "2: mov %rax, (%rsp)\n ret\n"
    "3: mov $77, %eax\n ret\n"

    // Return addresses pushed one on the other: a chain of returns with no call.
    "pushedReturn:\n"
    "  xor %eax, %eax\n"
    "  lea 1f(%rip), %rcx\n push %rcx\n lea 2f(%rip), %rcx\n push %rcx\n"
    "  lea 3f(%rip), %rcx\n push %rcx\n ret\n"
    "1: imul $10, %eax, %eax\n add $1, %eax\n ret\n"
    "2: imul $10, %eax, %eax\n add $2, %eax\n ret\n"
    "3: imul $10, %eax, %eax\n add $3, %eax\n ret\n");

static uint64_t matched(uint64_t from) {
  uint64_t right = 0, *labels = (uint64_t *)callLabels;
  for (uint64_t i = 0; i < seenCount; i++) right += seen[i] == labels[from + i];
  return right;
}

int main(void) {
  for (int round = 0; round < 50; round++) {
    seenCount = 0;
    CHECK_EQUAL(throughRegisters(), 15);
    CHECK_EQUAL(matched(0), 15);
    seenCount = 0;
    CHECK_EQUAL(throughMemory(), 10);
    CHECK_EQUAL(matched(15), 10);
    CHECK_EQUAL(poppedReturn(), 0);
    CHECK_EQUAL(countedReturn(), 15);
    CHECK_EQUAL(throughJumps(), 31);
    CHECK_EQUAL(retpoline(), 77);
    CHECK_EQUAL(pushedReturn(), 321);
  }
  return verdict();
}
