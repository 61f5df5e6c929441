// SPDX-License-Identifier: GPL-3.0-only
// SSE, AVX2 and AVX-512 where the processor has them, x87, and the string instructions.
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static float numbers[64];

__attribute__((target("avx2,fma"))) static void avx2(void) {
  __m256 sum = _mm256_setzero_ps();
  for (int i = 0; i < 64; i += 8)
    sum = _mm256_fmadd_ps(_mm256_loadu_ps(numbers + i), _mm256_set1_ps(1.5f), sum);
  float out[8];
  _mm256_storeu_ps(out, sum);
  for (int i = 0; i < 8; i++)
    printf("%.3f ", out[i]);
  printf("avx2\n");
}

__attribute__((target("avx512f,avx512bw"))) static void avx512(void) {
  __m512i value = _mm512_set1_epi32(0x01020304);
  __mmask64 mask = _mm512_cmpeq_epi8_mask(value, _mm512_set1_epi8(3));
  __m512i mixed = _mm512_mask_add_epi8(value, mask, value, _mm512_set1_epi8(100));
  uint8_t out[64];
  _mm512_storeu_si512(out, mixed);
  unsigned sum = 0;
  for (int i = 0; i < 64; i++)
    sum = sum * 31 + out[i];
  printf("%016llx %u avx512\n", (unsigned long long)mask, sum);
}

int main(void) {
  for (int i = 0; i < 64; i++)
    numbers[i] = (float)i * 0.25f;
  __m128i hash = _mm_set1_epi32(7);
  for (int i = 0; i < 100; i++)
    hash = _mm_add_epi32(_mm_mullo_epi16(hash, _mm_set1_epi16(31)), _mm_shuffle_epi32(hash, 0x1B));
  uint32_t out[4];
  _mm_storeu_si128((__m128i *)out, hash);
  printf("%x %x %x %x sse2\n", out[0], out[1], out[2], out[3]);
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    avx2();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
    avx512();

  long double x = 1.0L;
  for (int i = 0; i < 50; i++)
    __asm__("fld1\n faddp\n fsqrt" : "+t"(x));
  printf("%.15Lf x87\n", x);

  char from[300], to[300];
  for (int i = 0; i < 300; i++)
    from[i] = (char)(i * 7);
  void *source = from, *target = to;
  unsigned long length = 300;
  __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(length) : : "memory");
  printf("rep movsb %d %d\n", memcmp(from, to, 300), source == from + 300);
  length = 300;
  target = to;
  __asm__ volatile("repne scasb" : "+D"(target), "+c"(length) : "a"(21) : "cc");
  printf("repne scasb %lu\n", length);

  unsigned long flags;
  __asm__ volatile("stc\n pushfq\n pop %0" : "=r"(flags));
  printf("carry %lu\n", flags & 1);
  uint64_t a = 0xFFFFFFFFFFFFFFFF, b = 1, carry;
  __asm__("add %2, %0\n sbb %1, %1" : "+r"(a), "=r"(carry) : "r"(b));
  printf("sbb %llx\n", (unsigned long long)carry);
  return 0;
}
