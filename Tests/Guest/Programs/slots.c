// SPDX-License-Identifier: GPL-3.0-only
// groups: calls registers
// build: -O1
// rcx, rdx and r11 over returns, indirect jumps and loops with calls, in functions that change every
// subset of them between two indirect branches: what a function does not touch must come out as it went in.
#include "check.h"

uint64_t seen[3];

#define FUNCTION(name, body)                        \
  __asm__(name ":\n push %rbx\n call slotsLeaf\n" body "  pop %rbx\n ret\n");
#define CHECKED(name, c, d, e)                                                             \
  do {                                                                                     \
    __asm__ volatile(                                                                      \
        "mov $0x1111111111111111, %%rcx\n mov $0x2222222222222222, %%rdx\n"                \
        "mov $0x3333333333333333, %%r11\n sub $128, %%rsp\n call " name                    \
        "\n add $128, %%rsp\n mov %%rcx, seen(%%rip)\n"                                    \
        "mov %%rdx, seen+8(%%rip)\n mov %%r11, seen+16(%%rip)\n"                           \
        ::: "rcx", "rdx", "r11", "rax", "memory", "cc");                                   \
    CHECK_EQUAL(seen[0], c);                                                               \
    CHECK_EQUAL(seen[1], d);                                                               \
    CHECK_EQUAL(seen[2], e);                                                               \
  } while (0)

__asm__("slotsLeaf:\n ret\n");
FUNCTION("slots0", "")
FUNCTION("slotsC", "mov $7, %ecx\n")
FUNCTION("slotsD", "mov $8, %edx\n")
FUNCTION("slotsE", "mov $9, %r11d\n")
FUNCTION("slotsCD", "mov $7, %ecx\n mov $8, %edx\n")
FUNCTION("slotsCE", "mov $7, %ecx\n mov $9, %r11d\n")
FUNCTION("slotsDE", "mov $8, %edx\n mov $9, %r11d\n")
FUNCTION("slotsCDE", "mov $7, %ecx\n mov $8, %edx\n mov $9, %r11d\n")
FUNCTION("slotsRead", "lea 1(%rcx,%rdx), %rbx\n add %r11, %rbx\n")
FUNCTION("slotsPartial", "mov $0x55, %cl\n mov $0x66, %dl\n add $1, %r11\n")
// A loop with a call, entered with its registers fresh and left from its middle.
__asm__("slotsLoop:\n push %rbx\n mov $5, %ebx\n mov $0x44, %r11d\n"
        "1: dec %ebx\n jz 2f\n call slotsLeaf\n test $1, %bl\n jz 1b\n mov $6, %edx\n jmp 1b\n"
        "2: pop %rbx\n ret\n");
// An indirect jump in a loop, as an interpreter has it.
__asm__("slotsDispatch:\n push %rbx\n mov $6, %ebx\n"
        "1: dec %ebx\n js 4f\n mov %ebx, %eax\n and $1, %eax\n lea 5f(%rip), %rsi\n"
        "  movslq (%rsi,%rax,4), %rax\n add %rsi, %rax\n jmp *%rax\n"
        "2: inc %rcx\n jmp 1b\n"
        "3: inc %r11\n jmp 1b\n"
        "4: pop %rbx\n ret\n"
        ".balign 4\n5: .long 2b-5b, 3b-5b\n");

int main(void) {
  const uint64_t c = 0x1111111111111111, d = 0x2222222222222222, e = 0x3333333333333333;
  for (int i = 0; i < 3; i++) {
    CHECKED("slots0", c, d, e);
    CHECKED("slotsC", 7, d, e);
    CHECKED("slotsD", c, 8, e);
    CHECKED("slotsE", c, d, 9);
    CHECKED("slotsCD", 7, 8, e);
    CHECKED("slotsCE", 7, d, 9);
    CHECKED("slotsDE", c, 8, 9);
    CHECKED("slotsCDE", 7, 8, 9);
    CHECKED("slotsRead", c, d, e);
    CHECKED("slotsPartial", 0x1111111111111155, 0x2222222222222266, e + 1);
    CHECKED("slotsLoop", c, 6, 0x44);
    CHECKED("slotsDispatch", c + 3, d, e + 3);
  }
  return verdict();
}
