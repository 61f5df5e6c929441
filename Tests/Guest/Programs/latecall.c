// SPDX-License-Identifier: GPL-3.0-only
// groups: smc calls
// counts: returns moved behind their calls >= 200
// Functions whose code is forgotten while they call: they return into code that is made for the return alone.
// When they are called again, what follows the call must stand behind it all the same, or the processor
// would mispredict every return from then on.
#include "check.h"
#include <sys/mman.h>

enum { functions = 200, slot = 64 };
typedef uint32_t (*Code)(void);

static uint8_t *area;
static int isFirst;

static uint32_t called(void) {
  if (isFirst) {
    mprotect(area, functions * slot, PROT_READ | PROT_WRITE);
    mprotect(area, functions * slot, PROT_READ | PROT_EXEC);
  }
  return 7;
}

int main(void) {
  area = mmap(NULL, functions * slot, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) return 1;
  for (int i = 0; i < functions; i++) {
    // sub $8,%rsp; mov $called,%rax; call *%rax; add $i,%eax; add $8,%rsp; ret
    uint8_t text[] = {0x48, 0x83, 0xec, 0x08, 0x48, 0xb8, 0, 0, 0, 0, 0,    0,    0,    0,
                      0xff, 0xd0, 0x05, 0,    0,    0,    0, 0x48, 0x83, 0xc4, 0x08, 0xc3};
    uint64_t target = (uint64_t)called;
    uint32_t number = (uint32_t)i;
    memcpy(text + 6, &target, 8);
    memcpy(text + 17, &number, 4);
    memcpy(area + i * slot, text, sizeof text);
  }
  mprotect(area, functions * slot, PROT_READ | PROT_EXEC);
  uint32_t sum = 0;
  for (int i = 0; i < functions; i++) {
    Code code = (Code)(area + i * slot);
    isFirst = 1;
    sum = sum * 31 + code();
    isFirst = 0;
    for (int round = 0; round < 3; round++) sum = sum * 31 + code();
  }
  printf("%08x\n", sum);
  return 0;
}
