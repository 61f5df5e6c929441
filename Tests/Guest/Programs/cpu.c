// SPDX-License-Identifier: GPL-3.0-only
// groups: cpu
// build: -O1
// What the processor says of itself, its counters, its random numbers, its state saved and put back.
#include "check.h"
#include <cpuid.h>
#include <immintrin.h>

static uint64_t timestamp(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static void leaves(void) {
  unsigned a, b, c, d, most = __get_cpuid_max(0, NULL);
  uint64_t hash = MIX_SEED;
  for (unsigned leaf = 0; leaf <= most && leaf < 0x20; leaf++) {
    if (leaf == 1 || leaf == 0xb || leaf == 0xf || leaf == 0x1a || leaf == 0x1f) continue;  // Which CPU it is.
    if (leaf == 4 || leaf == 0xd || leaf == 2) continue;
    __cpuid_count(leaf, 0, a, b, c, d);
    hash = mix(mix(hash, (uint64_t)a << 32 | b), (uint64_t)c << 32 | d);
  }
  char brand[49] = "";
  for (unsigned i = 0; i < 3; i++) {
    unsigned *part = (unsigned *)(brand + 16 * i);
    __cpuid(0x80000002 + i, part[0], part[1], part[2], part[3]);
  }
  __cpuid(1, a, b, c, d);
  hash = mix(hash, (uint64_t)c << 32 | d);
  printf("%s %016lx\n", brand, hash);
  CHECK(c & bit_OSXSAVE);
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  printf("xcr0 %x%08x\n", high, low);
  // cpuid writes all four registers and leaves the flags alone.
  uint64_t before, after;
  __asm__ volatile("stc\n pushfq\n pop %0\n mov $7, %%eax\n xor %%ecx, %%ecx\n stc\n cpuid\n"
                   "pushfq\n pop %1"
                   : "=&r"(before), "=&r"(after) : : "rax", "rbx", "rcx", "rdx", "cc");
  CHECK(after & 1);
}

static void counters(void) {
  uint64_t last = timestamp(), aux;
  for (int i = 0; i < 1000; i++) {
    uint64_t now = timestamp();
    if (now < last) CHECK(!"rdtsc went back");
    last = now;
    now = __rdtscp((unsigned *)&aux);
    if (now < last) CHECK(!"rdtscp went back");
    last = now;
  }
  __asm__ volatile("lfence\n mfence\n sfence\n pause" : : : "memory");
}

__attribute__((target("rdrnd"))) static int randomNumbers(void) {
  unsigned long long a = 0, b = 0;
  int got = 0;
  for (int i = 0; i < 20; i++) got += _rdrand64_step(&a) && _rdrand64_step(&b) && a != b;
  return got;
}

static uint8_t area[16384] __attribute__((aligned(64)));

static void saved(void) {
  uint64_t in[2] = {0x1111222233334444, 0x5555666677778888}, out[2];
  // What fxsave wrote comes back over registers changed since.
  __asm__ volatile("movdqu %2, %%xmm9\n fld1\n fxsave64 %1\n fstp %%st(0)\n fldz\n pxor %%xmm9, %%xmm9\n"
                   "fxrstor64 %1\n fstpl 8+%0\n movq %%xmm9, %0"
                   : "=m"(out), "+m"(area) : "m"(in) : "xmm9");
  CHECK_EQUAL(out[0], in[0]);
  CHECK_EQUAL(out[1], 0x3ff0000000000000);
  memset(area, 0, sizeof area);
  __asm__ volatile("movdqu %2, %%xmm9\n mov $7, %%eax\n xor %%edx, %%edx\n xsave64 %1\n"
                   "pxor %%xmm9, %%xmm9\n mov $7, %%eax\n xor %%edx, %%edx\n xrstor64 %1\n"
                   "movdqu %%xmm9, %0"
                   : "=m"(out), "+m"(area) : "m"(in) : "xmm9", "rax", "rdx");
  CHECK_EQUAL(out[0], in[0]);
  CHECK_EQUAL(out[1], in[1]);
  unsigned control = 0, changed = 0x7f80, back = 0;
  __asm__ volatile("stmxcsr %0\n ldmxcsr %2\n stmxcsr %1\n ldmxcsr %0"
                   : "=m"(control), "=m"(back) : "m"(changed));
  CHECK_EQUAL(back, changed);
}

int main(void) {
  leaves();
  counters();
  if (__builtin_cpu_supports("rdrnd"))
    CHECK(randomNumbers() > 15);
  else
    checksMade++;
  saved();
  return verdict();
}
