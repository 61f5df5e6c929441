// SPDX-License-Identifier: GPL-3.0-only
// groups: flow flags registers
// build: -O1
// Every register and the flags hold their values over every kind of transfer: a pattern is loaded,
// the transfer is made, and what is there at its target is compared with the pattern.
#include "check.h"

enum { registers = 15 };  // All but rsp, then the flags.
struct State {
  uint64_t r[registers], flags, rsp;
};
static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                    "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
struct State before, after;
uint64_t target, savedStack;

__asm__(EACH_REGISTER
        // Each test: pattern in, transfer, pattern out at label 88.
        ".macro transfer name, body\n"
        ".globl \\name\n\\name:\n"
        "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  mov %rsp, savedStack(%rip)\n"
        "  lea 88f(%rip), %rax\n mov %rax, target(%rip)\n"
        "  push 120+before(%rip)\n popfq\n"
        "  each load, before\n"
        "  \\body\n"
        "  ud2\n"
        "88:\n"
        "  each store, after\n"
        "  mov %rsp, 128+after(%rip)\n"
        "  pushfq\n pop 120+after(%rip)\n"
        "  mov savedStack(%rip), %rsp\n"
        "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
        ".endm\n"
        "transfer jumpDirect, \"jmp 88f\"\n"
        "transfer jumpMemory, \"jmp *target(%rip)\"\n"
        "transfer jumpStack, \"push target(%rip); jmp *(%rsp)\"\n"
        "transfer callDirect, \"call 88f\"\n"
        "transfer callMemory, \"call *target(%rip)\"\n"
        "transfer callStack, \"push target(%rip); call *(%rsp)\"\n"
        "transfer returnPushed, \"push target(%rip); ret\"\n"
        "transfer returnCounted, \"push $0; push target(%rip); ret $8\"\n"
        "transfer callAndReturn, \"call bare; jmp 88f\"\n"
        "transfer callTwice, \"call twice; jmp 88f\"\n"
        "transfer jumpNotTaken, \"jo 88f; jno 88f\"\n"
        "bare: ret\n"
        "twice: call bare\n jmp bare\n");

void jumpDirect(void), jumpMemory(void), jumpStack(void), callDirect(void), callMemory(void);
void callStack(void), returnPushed(void), returnCounted(void), callAndReturn(void);
void callTwice(void), jumpNotTaken(void);

static const struct {
  const char *name;
  void (*run)(void);
  int64_t pushed;
} transfers[] = {
    {"jumpDirect", jumpDirect, 0},       {"jumpMemory", jumpMemory, 0},
    {"jumpStack", jumpStack, 8},         {"callDirect", callDirect, 8},
    {"callMemory", callMemory, 8},       {"callStack", callStack, 16},
    {"returnPushed", returnPushed, 0},   {"returnCounted", returnCounted, 0},
    {"callAndReturn", callAndReturn, 0}, {"callTwice", callTwice, 0},
    {"jumpNotTaken", jumpNotTaken, 0},
};

int main(void) {
  uint64_t seed = 1;
  for (int round = 0; round < 200; round++) {
    for (unsigned t = 0; t < sizeof transfers / sizeof *transfers; t++) {
      for (int i = 0; i < registers; i++)
        before.r[i] = seed = seed * 6364136223846793005 + 1442695040888963407;
      before.flags = 0x202 | (seed >> 20 & 0x8d5);
      memset(&after, 0, sizeof after);
      transfers[t].run();
      for (int i = 0; i < registers; i++) {
        if (before.r[i] != after.r[i]) printf("%s: %s\n", transfers[t].name, names[i]);
        CHECK_EQUAL(after.r[i], before.r[i]);
      }
      if (before.flags != after.flags) printf("%s: flags\n", transfers[t].name);
      CHECK_EQUAL(after.flags, before.flags);
      CHECK_EQUAL(savedStack - after.rsp, transfers[t].pushed);
    }
  }
  return verdict();
}
