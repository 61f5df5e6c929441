// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1
// Jumps, calls and returns to where there is no code: unmapped, not executable, behind the end of a
// mapping. rip and si_addr are the target's; the handler leaves by siglongjmp or mends rip.
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static uint64_t address, rip, rcx, rdx, topOfStack, resumeAt;
static int code;

static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  ucontext_t *u = context;
  address = (uint64_t)info->si_addr;
  code = info->si_code;
  rip = u->uc_mcontext.gregs[REG_RIP];
  rcx = u->uc_mcontext.gregs[REG_RCX];
  rdx = u->uc_mcontext.gregs[REG_RDX];
  topOfStack = *(uint64_t *)u->uc_mcontext.gregs[REG_RSP];
  if (!resumeAt) siglongjmp(back, 1);
  u->uc_mcontext.gregs[REG_RIP] = resumeAt;
}

uint64_t callTo(void *target), jumpTo(void *target), returnTo(void *target);
extern char callToBehind[], jumpToBehind[];
__asm__("callTo: xor %eax, %eax\n mov $0x3333, %ecx\n mov $0x4444, %edx\n push %rbx\n call *%rdi\ncallToBehind: pop %rbx\n ret\n"
        "jumpTo: xor %eax, %eax\n jmp *%rdi\njumpToBehind: lea 5(%rax), %eax\n ret\n"
        "returnTo: xor %eax, %eax\n push %rdi\n ret\n");

static void expect(uint64_t (*go)(void *), void *target, int expectedCode) {
  address = rip = 0;
  resumeAt = 0;
  if (!sigsetjmp(back, 1)) go(target);
  CHECK_EQUAL(rip, target);
  CHECK_EQUAL(address, target);
  CHECK_EQUAL(code, expectedCode);
  if (go == callTo) {
    CHECK_EQUAL(topOfStack, callToBehind);
    CHECK_EQUAL(rcx, 0x3333);
    CHECK_EQUAL(rdx, 0x4444);
  }
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 8192, 4096);
  mprotect(pages, 4096, PROT_READ | PROT_WRITE);
  memset(pages, 0xc3, 8192);
  uint64_t (*ways[])(void *) = {callTo, jumpTo, returnTo};
  for (int round = 0; round < 6; round++)
    for (int w = 0; w < 3; w++) {
      expect(ways[w], (void *)0x10, SEGV_MAPERR);
      expect(ways[w], NULL, SEGV_MAPERR);
      expect(ways[w], (void *)1, SEGV_MAPERR);
      expect(ways[w], pages + 100, SEGV_ACCERR);
      expect(ways[w], pages + 8192, SEGV_MAPERR);
    }
  // Straight-line code that runs off the end of its mapping: nops, then nothing.
  memset(pages + 4096, 0x90, 4096);
  if (!sigsetjmp(back, 1)) callTo(pages + 8192 - 20);
  CHECK_EQUAL(rip, pages + 8192);
  CHECK_EQUAL(address, pages + 8192);
  // An instruction that lies half behind the end: rip is its own, si_addr the missing page.
  pages[8191] = 0x48;
  if (!sigsetjmp(back, 1)) callTo(pages + 8192 - 20);
  CHECK_EQUAL(rip, pages + 8191);
  CHECK_EQUAL(address, pages + 8192);
  // The handler mends a jump to nowhere.
  resumeAt = (uint64_t)jumpToBehind;
  CHECK_EQUAL(jumpTo((void *)0x40), 5);
  // A function is called, its page loses its permission, gets it back.
  memset(pages + 4096, 0xc3, 4096);
  for (int round = 0; round < 3; round++) {
    callTo(pages + 5000);
    mprotect(pages + 4096, 4096, PROT_READ);
    expect(callTo, pages + 5000, SEGV_ACCERR);
    mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
  }
  munmap(pages + 4096, 4096);
  expect(callTo, pages + 5000, SEGV_MAPERR);
  return verdict();
}
