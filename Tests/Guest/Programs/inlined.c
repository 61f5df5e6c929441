// SPDX-License-Identifier: GPL-3.0-only
// groups: flow signal memory thread
// build: -O2 -pthread
// build pie: -O2 -pthread -fPIE -pie -Wl,-z,now
//
// Small functions that only compute, called over and over; what a signal handler does to the return address of one; and
// slots that nobody may write to until somebody does: by protecting them anew, mapping over them, giving their pages
// back, and from another thread.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct pair {
  long width, height;
};

long area(const struct pair *pair);
long sign(long value);
long first(long value);
long second(long value);
long third(long value);
long through(long value);
long ask(const struct pair *pair);
extern char ask_back[], ask_other[], area_multiplies[];
long chained(void *entry, long value, long given);
void chain_end(void), chain_other(void), chain_entry(void);
long ignores(long value), gives(long value);
extern uintptr_t slot[512];

__asm__(".text\n"
        ".globl area, sign, first, second, third, through, ask, ask_back, ask_other, area_multiplies, slot\n"
        "area:\n"
        "  mov (%rdi), %rax\n"
        "area_multiplies:\n"
        "  imul 8(%rdi), %rax\n"
        "  ret\n"
        "sign:\n"
        "  test %rdi, %rdi\n"
        "  jz 1f\n"
        "  mov $1, %eax\n"
        "  jg 2f\n"
        "  neg %rax\n"
        "2:ret\n"
        "1:xor %eax, %eax\n"
        "  ret\n"
        "first:  lea 1(%rdi), %rax\n  ret\n"
        "second: lea 2(%rdi), %rax\n  ret\n"
        "third:  lea (%rdi,%rdi,2), %rax\n  ret\n"
        "stub:   jmp *slot(%rip)\n"
        "through:\n"
        "  push %rbx\n"
        "  call stub\n"
        "  mov %rax, %rbx\n"
        "  call *slot+8(%rip)\n"
        "  add %rbx, %rax\n"
        "  pop %rbx\n"
        "  jmp *slot+16(%rip)\n"
        "last:   add $1000, %rax\n  ret\n"
        // A call through a slot, in a unit of its own, and two ways to a jump there: one that has changed rcx and rdx,
        // and one that has not.
        "chained:\n"
        "  mov %rdx, %rcx\n"
        "  mov %rdi, %rax\n"
        "  mov %rsi, %rdi\n"
        "  push %rbx\n"
        "  call *%rax\n"
        "  pop %rbx\n"
        "  ret\n"
        "chain_end:   call 1f\n  ret\n"
        "1:           jmp *slot+24(%rip)\n"
        "chain_link:  nop\n  jmp chain_end\n"
        "chain_other: mov $5, %ecx\n  mov $6, %edx\n  test %edi, %edi\n  jnz chain_link\n  ret\n"
        "chain_entry: test %edi, %edi\n  jnz chain_link\n  ret\n"
        "ignores:     xor %ecx, %ecx\n  xor %edx, %edx\n  lea 1(%rdi), %rax\n  ret\n"
        "gives:       mov %rcx, %rax\n  ret\n"
        "ask:\n"
        "  push %rbx\n"
        "  call area\n"
        "ask_back:\n"
        "  pop %rbx\n"
        "  ret\n"
        "ask_other:\n"
        "  pop %rbx\n"
        "  mov $-1, %rax\n"
        "  ret\n"
        ".data\n"
        ".balign 4096\n"
        "slot: .quad first, second, last, ignores\n"
        ".balign 4096\n"
        ".skip 4096\n"
        ".text\n");

static const struct pair good = {6, 7};
static int redirects;

static void mend(int number, siginfo_t *information, void *context) {
  (void)number, (void)information;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  registers[REG_RDI] = (greg_t)&good;
  uintptr_t *top = (uintptr_t *)registers[REG_RSP];
  printf("fault %ld bytes into area, from ask: %d\n", (long)(registers[REG_RIP] - (greg_t)area), *top == (uintptr_t)ask_back);
  if (redirects) *top = (uintptr_t)ask_other;
}

static void protect(int protection) {
  if (mprotect(slot, 4096, protection)) abort();
}

static void set_slot(int index, void *value) {
  protect(PROT_READ | PROT_WRITE);
  slot[index] = (uintptr_t)value;
  protect(PROT_READ);
}

static long many(int rounds) {
  long sum = 0;
  for (int round = 0; round < rounds; round++) sum += through(round) + sign(round - 3) + area(&good);
  return sum;
}

static _Atomic int turn;
static _Atomic long answer;

static void *asks(void *unused) {
  for (int seen = 0; seen < 6; seen++) {
    while (atomic_load(&turn) != 2 * seen + 1) sched_yield();
    atomic_store(&answer, many(500));
    atomic_store(&turn, 2 * seen + 2);
  }
  return unused;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  protect(PROT_READ);
  printf("%ld\n", many(1000));
  for (redirects = 0; redirects < 2; redirects++) {
    for (int round = 0; round < 50; round++) ask(&good);
    printf("%ld", ask(NULL));
    // The second load of a pair faults where the first one's page ends.
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    printf(" %ld\n", ask((struct pair *)(pages + 4088)));
    munmap(pages, 8192);
  }

  // What one function behind a slot does not need another one does.
  chained(chain_end, 1, 2);
  chained(chain_other, 1, 2);
  for (int round = 0; round < 50; round++) chained(chain_entry, 1, round);
  printf("ignored: %ld\n", chained(chain_entry, 1, 77));
  set_slot(3, gives);
  for (int round = 0; round < 3; round++) printf("given: %ld\n", chained(chain_entry, 1, 77 + round));

  // Another value at each turn, in this thread and in another.
  pthread_t other;
  pthread_create(&other, NULL, asks, NULL);
  void *functions[] = {first, second, third};
  for (int round = 0; round < 6; round++) {
    set_slot(round % 2, functions[round % 3]);
    long own = many(500);
    atomic_store(&turn, 2 * round + 1);
    while (atomic_load(&turn) != 2 * round + 2) sched_yield();
    printf("%d: %ld, %d\n", round, own, own == answer);
  }
  pthread_join(other, NULL);

  // A call that fails behind the page has done what it could.
  munmap((char *)slot + 4096, 4096);
  set_slot(0, first);
  printf("before: %ld\n", many(500));
  printf("%d", mprotect(slot, 8192, PROT_READ | PROT_WRITE));
  slot[0] = (uintptr_t)third;
  printf(" unprotected: %ld\n", many(500));
  protect(PROT_READ);

  // Another page is mapped there: a file's, which is read only from the beginning, and which is given back.
  uintptr_t page[512] = {(uintptr_t)third, (uintptr_t)third, slot[2], slot[3]};
  int file = memfd_create("slots", 0);
  if (file < 0 || write(file, page, sizeof page) != sizeof page) return 1;
  if (mmap(slot, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) != slot) return 1;
  printf("mapped: %ld\n", many(500));
  set_slot(0, first);
  printf("written: %ld\n", many(500));
  madvise(slot, 4096, MADV_DONTNEED);
  printf("given back: %ld\n", many(500));
  set_slot(0, first);
  printf("written: %ld\n", many(500));
  printf("%d", madvise(slot, 8192, MADV_DONTNEED));
  printf(" given back: %ld\n", many(500));
  // Shared with the file, it is read only here and written there.
  if (mmap(slot, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != slot) return 1;
  protect(PROT_READ);
  printf("shared: %ld\n", many(500));
  page[0] = (uintptr_t)second;
  if (pwrite(file, page, sizeof page, 0) != sizeof page) return 1;
  printf("changed: %ld\n", many(500));
  // Moved there from elsewhere.
  uintptr_t *elsewhere = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[1] = (uintptr_t)first;
  memcpy(elsewhere, page, sizeof page);
  mprotect(elsewhere, 4096, PROT_READ);
  if (mremap(elsewhere, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, slot) != slot) return 1;
  printf("moved: %ld\n", many(500));
  set_slot(1, third);
  printf("written: %ld\n", many(500));
  return 0;
}
