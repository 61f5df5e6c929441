// SPDX-License-Identifier: GPL-3.0-only
// groups: signal hard
// build: -O1
// A program that single-steps itself by the trap flag: each SIGTRAP shows the next original address.
#include "check.h"
#include <signal.h>
#include <ucontext.h>

static uint64_t seen[64];
static volatile int count;
uint64_t stepped(void);
extern char stepLabels[];

__asm__("stepped:\n"
        "  pushfq\n orq $0x100, (%rsp)\n popfq\n"  // The trap comes after the instruction behind popf.
        "  mov $5, %eax\n"
        "1: add $1, %eax\n"
        "2: jmp 3f\n nop\n"
        "3: call 8f\n"
        "4: pushfq\n"
        "5: andq $~0x100, (%rsp)\n"
        "6: popfq\n"
        "7: ret\n"
        "8: lea 1(%rax), %eax\n"
        "9: ret\n"
        ".pushsection .data.rel.local,\"aw\"\n.balign 8\nstepLabels:\n"
        ".quad 1b, 2b, 3b, 8b, 9b, 4b, 5b, 6b, 7b\n.popsection\n");

// What has rules of its own: popf that keeps the flag, system calls, repeated strings, loads of ss, iret.
uint64_t unusual(void *);
extern char unusualStart[];
static uint8_t buffer[64];
__asm__("unusual:\nunusualStart:\n"
        "  push %rbx\n mov %rdi, %rsi\n cld\n"
        "  pushfq\n orq $0x100, (%rsp)\n popfq\n"
        "  mov $39, %eax\n syscall\n mov %r11, %rbx\n nop\n"
        "  pushfq\n popfq\n pushfq\n pop %r9\n"
        "  mov $3, %ecx\n rep movsb\n xor %ecx, %ecx\n rep stosb\n"
        "  mov $5, %ecx\n repe cmpsb\n mov $5, %ecx\n mov $1, %al\n repne scasb\n"
        "  mov %ss, %eax\n mov %eax, %ss\n nop\n nop\n"
        "  lea 1f(%rip), %rcx\n mov %rsp, %r8\n mov %ss, %eax\n push %rax\n push %r8\n pushfq\n"
        "  mov %cs, %eax\n push %rax\n push %rcx\n iretq\n1: nop\n"
        "  pushfq\n andq $~0x100, (%rsp)\n popfq\n nop\n"
        "  and $0x100, %ebx\n and $0x100, %r9d\n lea (%rbx,%r9,2), %rax\n pop %rbx\n ret\n");

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number;
  if (info->si_code != TRAP_TRACE) CHECK(!"TRAP_TRACE");
  if (count < 64) seen[count++] = (uint64_t)u->uc_mcontext.gregs[REG_RIP];
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  uint64_t *labels = (uint64_t *)stepLabels;
  for (int round = 0; round < 3; round++) {
    count = 0;
    CHECK_EQUAL(stepped(), 7);
    CHECK_EQUAL(count, 9);
    for (int i = 0; i < 9; i++) CHECK_EQUAL(seen[i], labels[i]);
  }
  count = 0;
  CHECK_EQUAL(unusual(buffer), 0x300);
  printf("%d traps at", count);
  for (int i = 0; i < count; i++) printf(" %ld", (long)(seen[i] - (uint64_t)unusualStart));
  printf("\n");
  return verdict();
}
