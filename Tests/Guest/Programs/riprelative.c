// SPDX-License-Identifier: GPL-3.0-only
// groups: rip
// build: -O1
// build no-pie: -O1 -no-pie
// build static: -O1 -static
// Operands relative to rip in every encoding: without and with immediates behind the displacement
// (1, 2 and 4 bytes), read, written and read-modified, every register as the other operand,
// prefixes, three-byte opcodes, x87, SSE, AVX, BMI and EVEX.
#include "check.h"
#include <immintrin.h>

uint64_t value, store, other;
uint64_t wide[8] __attribute__((aligned(64))), wideOut[8] __attribute__((aligned(64)));
double real;

#define TAKE(out, text) __asm__ volatile(text : "=r"(out) : : "memory", "cc", "rcx", "xmm0", "xmm1")

static void integers(void) {
  uint64_t r;
  value = 0x1122334455667788;
  TAKE(r, "lea value(%%rip), %0");
  CHECK_EQUAL(r, &value);
  TAKE(r, "lea value+0x123(%%rip), %0");
  CHECK_EQUAL(r, (uint64_t)&value + 0x123);
  TAKE(r, "mov value(%%rip), %0");
  CHECK_EQUAL(r, value);
  TAKE(r, "movzbl value+1(%%rip), %k0");
  CHECK_EQUAL(r, 0x77);
  TAKE(r, "movswq value+2(%%rip), %0");
  CHECK_EQUAL(r, 0x5566);
  TAKE(r, "movslq value+4(%%rip), %0");
  CHECK_EQUAL(r, 0x11223344);
  TAKE(r, "movbe value(%%rip), %0");
  CHECK_EQUAL(r, 0x8877665544332211);
  TAKE(r, "cmpb $0x88, value(%%rip)\n sete %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "cmpw $0x7788, value(%%rip)\n sete %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "cmpl $0x55667788, value(%%rip)\n sete %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "cmpq $5, value(%%rip)\n seta %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "testb $8, value(%%rip)\n setnz %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "testq $0x10000, value(%%rip)\n setz %b0\n movzbl %b0, %k0");
  CHECK_EQUAL(r, 1);
  TAKE(r, "imul $3, value(%%rip), %0");
  CHECK_EQUAL(r, value * 3);
  TAKE(r, "imul $0x12345, value(%%rip), %0");
  CHECK_EQUAL(r, value * 0x12345);
  TAKE(r, "movb $7, store(%%rip)\n movw $0x1234, store+2(%%rip)\n movl $0x55667788, store+4(%%rip)\n"
          "mov store(%%rip), %0");
  CHECK_EQUAL(r & 0xffffffffffff00ff, 0x5566778812340007);
  TAKE(r, "movq $-2, store(%%rip)\n addq $0x1000, store(%%rip)\n incq store(%%rip)\n"
          "shlq $4, store(%%rip)\n rorq store(%%rip)\n mov store(%%rip), %0");
  CHECK_EQUAL(r, 0xfff0 / 2);
  TAKE(r, "push value(%%rip)\n pop store(%%rip)\n mov store(%%rip), %0");
  CHECK_EQUAL(r, value);
  TAKE(r, "btsq $63, store(%%rip)\n lock xaddq %0, store(%%rip)\n notq store(%%rip)\n"
          "mov store(%%rip), %0");
  TAKE(r, "mov value(%%rip), %%rcx\n mov %%rcx, store(%%rip)\n mov $3, %k0\n"
          "xchg %0, store(%%rip)\n add store(%%rip), %0");
  CHECK_EQUAL(r, value + 3);
  TAKE(r, "crc32q value(%%rip), %0\n popcnt value(%%rip), %0");
  CHECK_EQUAL(r, __builtin_popcountll(value));
  TAKE(r, "cmp %0, %0\n cmove value(%%rip), %0\n bsf value(%%rip), %%rcx\n add %%rcx, %0");
  CHECK_EQUAL(r, value + 3);
  TAKE(r, "mov $9, %k0\n nopl value(%%rip)\n prefetcht0 value(%%rip)\n shld $8, %0, store(%%rip)\n"
          "mov store(%%rip), %0");
  CHECK_EQUAL(r, 3 << 8);
}

// Each register as destination, and each as source, of a rip-relative operand.
#define EACH(name)                                                                                 \
  __asm__ volatile("mov value(%%rip), %%" name "\n add $1, %%" name "\n mov %%" name               \
                   ", store(%%rip)\n"                                                              \
                   : : : "memory", "cc", name);                                                    \
  CHECK_EQUAL(store, value + 1)

static void registers(void) {
  value = 41;
  EACH("rax"); EACH("rbx"); EACH("rcx"); EACH("rdx"); EACH("rsi"); EACH("rdi"); EACH("r8");
  EACH("r9"); EACH("r10"); EACH("r11"); EACH("r12"); EACH("r13"); EACH("r14"); EACH("r15");
}

static void vectors(void) {
  uint64_t r;
  for (int i = 0; i < 8; i++) wide[i] = 0x0101010101010101 * (i + 1);
  real = 2.25;
  __asm__ volatile("fldl real(%%rip)\n fsqrt\n faddl real(%%rip)\n fstpl store(%%rip)" : : : "memory");
  double sum;
  memcpy(&sum, &store, 8);
  CHECK(sum == 3.75);
  __asm__ volatile("sqrtsd real(%%rip), %%xmm0\n mulsd real(%%rip), %%xmm0\n movsd %%xmm0, store(%%rip)"
                   : : : "memory", "xmm0");
  memcpy(&sum, &store, 8);
  CHECK(sum == 3.375);
  TAKE(r, "movdqa wide+16(%%rip), %%xmm0\n paddb wide(%%rip), %%xmm0\n"
          "pshufd $0x4e, wide(%%rip), %%xmm1\n pshufb wide+48(%%rip), %%xmm1\n"
          "movq %%xmm0, %0");
  CHECK_EQUAL(r, 0x0404040404040404);
  TAKE(r, "pinsrq $1, value(%%rip), %%xmm0\n pextrq $1, %%xmm0, store(%%rip)\n mov store(%%rip), %0");
  CHECK_EQUAL(r, value);
  TAKE(r, "cvtsi2sdq value(%%rip), %%xmm0\n cvttsd2si real(%%rip), %0");
  CHECK_EQUAL(r, 2);
  if (__builtin_cpu_supports("avx2")) {
    __asm__ volatile("vmovdqa wide(%%rip), %%ymm0\n vpaddb wide+32(%%rip), %%ymm0, %%ymm1\n"
                     "vpermq $0x1b, wide(%%rip), %%ymm2\n vpblendd $0xf0, wide+32(%%rip), %%ymm2, %%ymm3\n"
                     "vmovdqu %%ymm1, wideOut(%%rip)\n vmovdqu %%ymm3, wideOut+32(%%rip)\n vzeroupper"
                     : : : "memory", "xmm0", "xmm1", "xmm2", "xmm3");
    for (int i = 0; i < 4; i++) CHECK_EQUAL(wideOut[i], wide[i] + wide[i + 4]);
    CHECK_EQUAL(wideOut[4], wide[3]);
    CHECK_EQUAL(wideOut[7], wide[7]);
  } else
    checksMade += 6;
  if (__builtin_cpu_supports("bmi2")) {
    TAKE(r, "rorx $8, value(%%rip), %0");
    CHECK_EQUAL(r, value >> 8 | value << 56);
    TAKE(r, "mov $3, %%ecx\n shlx %%rcx, value(%%rip), %0");
    CHECK_EQUAL(r, value << 3);
  } else
    checksMade += 2;
  if (__builtin_cpu_supports("avx512f")) {  // Registers no compiler uses here are not clobbers.
    // Compressed displacements do not apply to rip: 64-byte, broadcast and masked operands.
    __asm__ volatile("vmovdqa64 wide(%%rip), %%zmm16\n vpaddq wide(%%rip)%{1to8%}, %%zmm16, %%zmm17\n"
                     "mov $0x55, %%ecx\n kmovw %%ecx, %%k1\n"
                     "vpsubq wide(%%rip), %%zmm17, %%zmm17%{%%k1%}\n"
                     "vpternlogd $0xff, wide(%%rip), %%zmm18, %%zmm18\n"
                     "vmovdqu64 %%zmm17, wideOut(%%rip)\n vzeroupper"
                     : : : "memory", "rcx");
    for (int i = 0; i < 8; i++) CHECK_EQUAL(wideOut[i], wide[0] + (i & 1 ? wide[i] : 0));
  } else
    checksMade += 8;
}

int main(void) {
  integers();
  registers();
  vectors();
  return verdict();
}
