// SPDX-License-Identifier: GPL-3.0-only
// groups: smc memory
// relocate: 16
// build: -O1
// Code scattered over the whole address space, in low memory and high, calling and jumping from one
// place to the others, with operands relative to rip in each.
#include "check.h"
#include <sys/mman.h>

enum { places = 7, size = 8192 };
static const uint64_t wanted[places] = {0x20000,        0x7fff0000,     0x100000000,   0x5000000000,
                                        0x200000000000, 0x3fff00000000, 0x600000000000};
struct Code {
  uint8_t text[64];
  uint64_t counter, next;
};

// inc counter(%rip); lea 1(%rdi),%rdi; test esi; jz out; dec esi; jmp *next(%rip); out: mov rdi,rax; ret
static void make(struct Code *at, uint64_t next) {
  static const uint8_t text[] = {0x48, 0xff, 0x05, 57, 0, 0, 0,        // incq counter(%rip)
                                 0x48, 0x8d, 0x7f, 0x01,               // lea 1(%rdi), %rdi
                                 0x85, 0xf6, 0x74, 0x08,               // test %esi, %esi; jz +8
                                 0xff, 0xce,                           // dec %esi
                                 0xff, 0x25, 49, 0, 0, 0,              // jmp *next(%rip)
                                 0x48, 0x89, 0xf8, 0xc3};              // mov %rdi, %rax; ret
  memcpy(at->text, text, sizeof text);
  at->next = next;
}

// Calls the next place through memory and adds one: push; call *next(%rip); inc; pop; ret
static void makeCall(struct Code *at, uint64_t next) {
  static const uint8_t text[] = {0x85, 0xf6, 0x74, 0x0d,               // test %esi, %esi; jz +13
                                 0xff, 0xce, 0x53,                     // dec %esi; push %rbx
                                 0xff, 0x15, 59, 0, 0, 0,              // call *next(%rip)
                                 0x48, 0xff, 0xc0, 0x5b,               // inc %rax; pop %rbx
                                 0xc3,                                 // ret (reached by fall-through)
                                 0x48, 0x89, 0xf8, 0xc3};              // mov %rdi, %rax; ret
  memcpy(at->text, text, sizeof text);
  at->text[3] = 0x0e;
  at->next = next;
}

int main(void) {
  struct Code *at[places];
  int used = 0;
  for (int i = 0; i < places; i++) {
    void *p = mmap((void *)wanted[i], size, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == (void *)wanted[i]) at[used++] = p;
  }
  CHECK_EQUAL(used, places);
  for (int i = 0; i < used; i++) {
    make(at[i], (uint64_t)at[(i + 3) % used]);
    makeCall(at[i] + 1, (uint64_t)(at[(i + 2) % used] + 1));
  }
  typedef uint64_t (*Function)(uint64_t, uint32_t);
  for (uint32_t hops = 0; hops < 300; hops++) {
    CHECK_EQUAL(((Function)(uintptr_t)at[hops % used]->text)(1000, hops), 1001 + hops);
    CHECK_EQUAL(((Function)(uintptr_t)at[hops % used][1].text)(1000, hops), 1000 + hops);
  }
  uint64_t counted = 0;
  for (int i = 0; i < used; i++) counted += at[i]->counter;
  CHECK_EQUAL(counted, 300 * 301 / 2);
  return verdict();
}
