// SPDX-License-Identifier: GPL-3.0-only
// Small functions that only compute, called often, and calls through a slot that nobody may write to but a debugger.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

struct pair {
  long width, height;
};

long area(const struct pair *pair);
long ask(const struct pair *pair);
long choose(long value);
long add_one(long value);
long add_two(long value);
extern uintptr_t slot[512];

__asm__(".text\n"
        "area:\n"
        "  mov (%rdi), %rax\n"
        "  imul 8(%rdi), %rax\n"
        "  ret\n"
        "ask:\n"
        "  push %rbx\n"
        "  call area\n"
        "asked:\n"
        "  pop %rbx\n"
        "  ret\n"
        "asked_otherwise:\n"
        "  pop %rbx\n"
        "  mov $-1, %rax\n"
        "  ret\n"
        "add_one: lea 1(%rdi), %rax\n  ret\n"
        "add_two: lea 2(%rdi), %rax\n  ret\n"
        "stub: jmp *slot(%rip)\n"
        "choose:\n"
        "  push %rbx\n"
        "  call stub\n"
        "chosen:\n"
        "  pop %rbx\n"
        "  ret\n"
        ".data\n"
        ".balign 4096\n"
        "slot: .quad add_one\n"
        ".balign 4096\n"
        ".text\n");

static const struct pair good = {6, 7};
static const struct pair *volatile asked_about = &good;

static __attribute__((noinline)) void round_ends(void) { __asm__ volatile("" : : : "memory"); }

int main(void) {
  mprotect(slot, 4096, PROT_READ);
  for (int turn = 0; turn < 9; turn++) {
    long sum = 0;
    for (int round = 0; round < 300; round++) sum += ask(&good) + choose(round);
    printf("%ld %ld\n", sum, ask(asked_about));
    fflush(stdout);
    round_ends();
  }
  return 0;
}
