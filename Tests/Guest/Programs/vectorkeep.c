// SPDX-License-Identifier: GPL-3.0-only
// groups: registers
// build: -O1
// needs: -lm
// Vector registers, masks, x87 registers and control words hold over code that is new at each step,
// over system calls and over signals.
#include "check.h"
#include <math.h>
#include <signal.h>

static volatile int handled;
uint8_t in[32][64] __attribute__((aligned(64))), out[32][64] __attribute__((aligned(64)));
long double deepOut[8];
uint32_t mxcsr, mxcsrSet = 0x3f80;
uint16_t masksIn[8] = {1, 0x22, 0x333, 0x4444, 0x5555, 6, 0x777, 0x8888}, masksOut[8];
void keep512(void), keep128(void);

static void handler(int number) {
  char text[200];
  handled++;
  // Uses what it likes of the vector registers.
  snprintf(text, sizeof text, "%d %f %s", number, number * 0.5, "and so on and on and on and on");
}

// New code at every step: twenty hops of each kind, then a system call, then a signal to itself.
__asm__(".altmacro\n"
        ".macro hops\n"
        "  .rept 20\n"
        "  jmp 1f\n .skip 40, 0xcc\n"
        "1: lea 2f(%rip), %rax\n jmp *%rax\n .skip 70, 0xcc\n"
        "2: call 3f\n jmp 4f\n"
        "3: ret\n"
        "4:\n"
        "  .endr\n"
        "  mov $39, %eax\n syscall\n mov %eax, %edi\n mov $62, %eax\n mov $10, %esi\n syscall\n"
        "  jmp 5f\n .skip 20, 0xcc\n5:\n"
        ".endm\n"
        ".macro each32 head\n"
        "  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "  \\head \\n\n .endr\n"
        ".endm\n"
        ".macro load512 n\n vmovdqu64 in+64*\\n(%rip), %zmm\\n\n.endm\n"
        ".macro store512 n\n vmovdqu64 %zmm\\n, out+64*\\n(%rip)\n.endm\n"
        ".macro loadmask n\n .if \\n < 8\n kmovw masksIn+2*\\n(%rip), %k\\n\n .endif\n.endm\n"
        ".macro storemask n\n .if \\n < 8\n kmovw %k\\n, masksOut+2*\\n(%rip)\n .endif\n.endm\n"
        ".macro load128 n\n .if \\n < 16\n movdqu in+64*\\n(%rip), %xmm\\n\n .endif\n.endm\n"
        ".macro store128 n\n .if \\n < 16\n movdqu %xmm\\n, out+64*\\n(%rip)\n .endif\n.endm\n"
        ".macro fill87\n fld1\n fldpi\n fldl2e\n fldln2\n fldz\n fld1\n fldpi\n fldlg2\n.endm\n"
        ".macro empty87\n .irp n, 0,1,2,3,4,5,6,7\n fstpt deepOut+16*\\n(%rip)\n .endr\n.endm\n"
        "keep512:\n"
        "  push %rbx\n ldmxcsr mxcsrSet(%rip)\n fill87\n each32 load512\n each32 loadmask\n"
        "  hops\n"
        "  each32 store512\n each32 storemask\n empty87\n stmxcsr mxcsr(%rip)\n vzeroupper\n"
        "  pop %rbx\n ret\n"
        "keep128:\n"
        "  push %rbx\n ldmxcsr mxcsrSet(%rip)\n fill87\n each32 load128\n"
        "  hops\n"
        "  each32 store128\n empty87\n stmxcsr mxcsr(%rip)\n"
        "  pop %rbx\n ret\n");

static void fill(unsigned seed) {
  for (int r = 0; r < 32; r++)
    for (int i = 0; i < 64; i++) {
      seed = seed * 1664525 + 1013904223;
      in[r][i] = (uint8_t)(seed >> 24);
    }
}

int main(void) {
  static const long double constants[8] = {0.301029995663981195213738894724493027L,
                                           3.141592653589793238462643383279502884L, 1, 0,
                                           0.693147180559945309417232121458176568L,
                                           1.442695040888963407359924681001892137L,
                                           3.141592653589793238462643383279502884L, 1};
  int wide = __builtin_cpu_supports("avx512f") != 0;
  signal(SIGUSR1, handler);
  for (unsigned round = 0; round < 20; round++) {
    fill(round);
    memset(out, 0, sizeof out);
    memset(deepOut, 0, sizeof deepOut);
    if (wide) keep512();
    else keep128();
    for (int r = 0; r < (wide ? 32 : 16); r++) CHECK(!memcmp(in[r], out[r], wide ? 64 : 16));
    for (int i = 0; i < 8; i++) CHECK(fabsl(deepOut[i] - constants[i]) < 1e-18L);
    if (wide) CHECK(!memcmp(masksIn, masksOut, sizeof masksIn));
    CHECK_EQUAL(mxcsr, mxcsrSet);
  }
  CHECK_EQUAL(handled, 20);
  return verdict();
}
