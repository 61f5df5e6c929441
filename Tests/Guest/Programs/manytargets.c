// SPDX-License-Identifier: GPL-3.0-only
// groups: smc flow
// relocate: 20
// flush: 20
// build: -O1
// limit: 60
// counts: collections >= 2
// Seventy thousand places that calls return to, each returned to often: more than a table of targets by
// address has numbers for. Then all of them one byte further on, where no number is left until those of
// the old ones are taken back.
#include "check.h"
#include <sys/mman.h>

enum { calls = 70000, length = 5, runs = 12, places = 4 };

int main(void) {
  const size_t bytes = 4096 + calls * length + 64;
  uint8_t *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static const uint8_t counting[] = {0xff, 0xc0, 0xc3};  // inc %eax ; ret
  for (int place = 0; place < places; place++) {
    CHECK(mprotect(area, bytes, PROT_READ | PROT_WRITE) == 0);
    memset(area, 0x90, 4096);
    memcpy(area, counting, sizeof counting);
    uint8_t *start = area + 4000, *code = start;
    *code++ = 0x31;  // xor %eax, %eax
    *code++ = 0xc0;
    for (int nop = 0; nop < place; nop++) *code++ = 0x90;
    for (int call = 0; call < calls; call++) {
      int32_t distance = (int32_t)(area - (code + length));
      *code++ = 0xe8;
      memcpy(code, &distance, sizeof distance);
      code += sizeof distance;
    }
    *code = 0xc3;
    CHECK(mprotect(area, bytes, PROT_READ | PROT_EXEC) == 0);
    for (int run = 0; run < runs; run++) CHECK_EQUAL(((uint32_t(*)(void))(uintptr_t)start)(), calls);
  }
  return verdict();
}
