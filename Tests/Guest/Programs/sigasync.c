// SPDX-License-Identifier: GPL-3.0-only
// groups: signal registers
// relocate: 12
// build: -O1
// build no-pie: -O1 -no-pie
// Timer signals at any instruction of a loop whose state is known at each of them: the frame's rip
// is the start of an instruction, and all registers, flags and the stack are what they must be there.
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

enum { wantedTicks = 1500 };
struct Place {
  uint64_t rip, done, depth, top;  // Which counters are a step ahead; bytes pushed; the last of them.
};
extern struct Place places[];
extern char placesEnd[], loopBegin[], loopEnd[];
uint64_t loopStack;
void runLoop(void);

__asm__(".macro at number, done, depth=0, top=0\n"
        "\\number:\n.pushsection .data.rel.local,\"aw\"\n.quad \\number\\()b, \\done, \\depth, \\top\n.popsection\n"
        ".endm\n"
        ".pushsection .data.rel.local,\"aw\"\n.balign 8\nplaces:\n.popsection\n"
        "runLoop:\n"
        "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  mov %rsp, loopStack(%rip)\n"
        "  xor %r8d, %r8d\n xor %r9d, %r9d\n xor %r12d, %r12d\n xor %r13d, %r13d\n"
        "  xor %r14d, %r14d\n xor %r15d, %r15d\n"
        "  lea 103f(%rip), %r10\n"
        "  lea 120f(%rip), %rax\n mov %rax, loopCallee(%rip)\n"
        "  lea 109f(%rip), %rax\n mov %rax, loopReturn(%rip)\n"
        "  mov $0xa, %eax\n mov $0xb, %ebx\n mov $0xc, %ecx\n mov $0xd, %edx\n mov $0xe, %esi\n"
        "  mov $0xf, %edi\n mov $0x11, %r11d\n mov $0xbb, %ebp\n"
        "  push $0xad7\n popfq\n"
        "loopBegin:\n"
        "at 101, 0\n  lea 1(%r8), %r8\n"
        "at 102, 1\n  jmp *%r10\n  ud2\n"
        "at 103, 1\n  lea 1(%r9), %r9\n"
        "at 104, 3\n  call *loopCallee(%rip)\n"
        "at 105, 7\n  lea 1(%r13), %r13\n"
        "at 106, 15\n  call 122f\n"
        "at 107, 31\n  push loopReturn(%rip)\n"
        "at 108, 31, 8, 109f\n  ret\n  ud2\n"
        "at 109, 31\n  mov loopConstant(%rip), %rbp\n"
        "at 110, 31\n  lea loopConstant(%rip), %rbx\n"
        "at 111, 31\n  mov $0xb, %ebx\n"
        "at 112, 31\n  jrcxz 130f\n"
        "at 113, 31\n  lea 1(%r15), %r15\n"
        "at 114, 0\n  jc 101b\n  ud2\n"
        "at 120, 3, 8, 105b\n  lea 1(%r12), %r12\n"
        "at 121, 7, 8, 105b\n  ret\n"
        "at 122, 15, 8, 107b\n  push %r11\n"
        "at 124, 15, 16, 0x11\n  lea 1(%r14), %r14\n"
        "at 125, 31, 16, 0x11\n  pop %r11\n"
        "at 123, 31, 8, 107b\n  ret\n"
        "loopEnd:\n"
        "130: mov loopStack(%rip), %rsp\n"
        "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
        ".pushsection .data.rel.local,\"aw\"\nplacesEnd:\n.popsection\n"
        ".pushsection .data\n.balign 8\nloopConstant: .quad 0xbb\nloopCallee: .quad 0\nloopReturn: .quad 0\n.popsection\n");

static volatile int ticks, inside, noPlace, wrongRegister, wrongStack, wrongFlags;
static uint64_t firstWrong[3];

static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  static const uint8_t counters[] = {REG_R8, REG_R9, REG_R12, REG_R13, REG_R14};
  ucontext_t *u = context;
  greg_t *r = u->uc_mcontext.gregs;
  uint64_t rip = (uint64_t)r[REG_RIP];
  ticks++;
  if (rip < (uint64_t)loopBegin || rip >= (uint64_t)loopEnd) return;
  if (++inside >= wantedTicks) r[REG_RCX] = 0;
  struct Place *place = places;
  while ((char *)place < placesEnd && place->rip != rip) place++;
  if ((char *)place == placesEnd) {
    noPlace++;
    return;
  }
  int bad = 0;
  for (int i = 0; i < 5; i++) bad += r[counters[i]] != r[REG_R15] + (greg_t)(place->done >> i & 1);
  uint64_t rbx = rip == (uint64_t)places[10].rip ? (uint64_t)r[REG_RBX] : 0xb;
  bad += r[REG_RAX] != 0xa || (uint64_t)r[REG_RBX] != rbx || r[REG_RDX] != 0xd || r[REG_RSI] != 0xe;
  bad += (r[REG_RCX] != 0xc && r[REG_RCX] != 0) || r[REG_RDI] != 0xf || r[REG_R11] != 0x11;
  bad += r[REG_RBP] != 0xbb || (uint64_t)r[REG_R10] != places[2].rip;
  if (bad && !wrongRegister++) firstWrong[0] = rip - (uint64_t)loopBegin;
  if ((r[REG_EFL] & 0x8d5) != 0x8d5 && !wrongFlags++) firstWrong[1] = rip - (uint64_t)loopBegin;
  bad = loopStack - (uint64_t)r[REG_RSP] != place->depth;
  bad += place->depth && *(uint64_t *)r[REG_RSP] != place->top;
  if (bad && !wrongStack++) firstWrong[2] = rip - (uint64_t)loopBegin;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval each = {{0, 300}, {0, 300}}, none = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &each, NULL);
  runLoop();
  setitimer(ITIMER_REAL, &none, NULL);
  CHECK(inside >= wantedTicks);
  CHECK_EQUAL(noPlace, 0);
  CHECK_EQUAL(wrongRegister, 0);
  CHECK_EQUAL(wrongFlags, 0);
  CHECK_EQUAL(wrongStack, 0);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(firstWrong[i], 0);
  return verdict();
}
