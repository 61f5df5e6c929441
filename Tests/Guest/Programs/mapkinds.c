// SPDX-License-Identifier: GPL-3.0-only
// groups: smc memory
// build: -O1
// limit: 60
// flush: 20
// guard: no
// Code in memory of every kind, changed by mapping calls of every kind, also by those that fail with a part done: what
// runs is what stands there, and where nothing may run there is a fault. (--guard does not learn what only the kernel's
// map says.)
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { PAGE = 4096, HOT = 20000, RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, RWX = RW | PROT_EXEC };
enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103, CALL_MSEAL = 462, CALL_PROCESS_MADVISE = 440 };
typedef long (*Function)(long);

static sigjmp_buf back;
static void onFault(int signal) { siglongjmp(back, signal); }

// lea rax, [rdi+value] ; ret
static void put(void *at, int value) {
  unsigned char code[] = {0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3};
  memcpy(code + 3, &value, 4);
  memcpy(at, code, sizeof code);
}

// What the function at a place adds, or the signal that its call ends with, as a negative number. rax is 0, so that zeros,
// `add [rax], al`, are a fault.
static long value(void *at) {
  int signal = sigsetjmp(back, 1);
  if (signal) return -signal;
  long result = 0, argument = 0;
  __asm__ volatile("sub $128, %%rsp\ncall *%2\nadd $128, %%rsp"
                   : "+a"(result), "+D"(argument)
                   : "r"(at)
                   : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
  return result;
}

// Often enough for a translator to trust what can be written to.
static long heat(void *at) {
  long last = 0;
  for (int i = 0; i < HOT; i++) last = ((Function)at)(0);
  return last;
}

static char *map(long pages, int protection) {
  char *p = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

// A page with a function, first writable and then as it is to be.
static char *code(int number, int protection) {
  char *p = map(1, RW);
  put(p, number);
  mprotect(p, PAGE, protection);
  return p;
}

// Writes and runs, twice, so that the second one meets what came to be trusted.
static void rewrite(char *p, int number) {
  for (int i = 0; i < 2; i++) {
    put(p, number + i);
    CHECK_EQUAL(heat(p), number + i);
  }
}

static void advised(void) {
  const int advices[] = {MADV_DONTNEED, 24 /* MADV_DONTNEED_LOCKED */, GUARD_INSTALL};
  for (int i = 0; i < 3; i++) {
    for (int protection = RX; protection <= RWX; protection += RWX - RX) {
      char *p = code(1, protection);
      CHECK_EQUAL(heat(p), 1);
      if (madvise(p, PAGE, advices[i]) != 0) continue;  // an older kernel
      CHECK_EQUAL(value(p), -SIGSEGV);
      madvise(p, PAGE, GUARD_REMOVE);
      CHECK_EQUAL(value(p), -SIGSEGV);
      mprotect(p, PAGE, RWX);
      rewrite(p, 2);
      munmap(p, PAGE);
    }
  }
  // The kernel looks at an int.
  char *p = code(1, RWX);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(syscall(SYS_madvise, p, (long)PAGE, 0x100000000L | MADV_DONTNEED), 0);
  rewrite(p, 2);
  munmap(p, PAGE);

  p = code(1, RX);
  CHECK_EQUAL(heat(p), 1);
  int self = syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec piece = {p, PAGE};
  if (syscall(CALL_PROCESS_MADVISE, self, &piece, 1L, (long)MADV_DONTNEED, 0L) == PAGE) CHECK_EQUAL(value(p), -SIGSEGV);
  close(self);
  munmap(p, PAGE);

  // What a file holds comes back.
  int file = memfd_create("code", 0);
  char text[PAGE] = {0};
  put(text, 1);
  CHECK_EQUAL(write(file, text, PAGE), PAGE);
  p = mmap(NULL, PAGE, RW, MAP_PRIVATE, file, 0);
  put(p, 2);
  mprotect(p, PAGE, RX);
  CHECK_EQUAL(heat(p), 2);
  CHECK_EQUAL(madvise(p, PAGE, MADV_DONTNEED), 0);
  CHECK_EQUAL(value(p), 1);
  munmap(p, PAGE);
  close(file);
}

static void doneInPart(void) {
  // Behind a hole.
  char *p = map(4, RWX);
  munmap(p + PAGE, PAGE);
  put(p, 1);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(madvise(p, 2 * PAGE, MADV_DONTNEED), -1);
  rewrite(p, 2);
  // Before pages that are locked.
  p = map(2, RWX);
  put(p, 1);
  if (mlock(p + PAGE, PAGE) == 0) {
    CHECK_EQUAL(heat(p), 1);
    CHECK_EQUAL(madvise(p, 2 * PAGE, MADV_DONTNEED), -1);
    CHECK_EQUAL(value(p), -SIGSEGV);
    rewrite(p, 2);
  }
  // Before pages that are sealed.
  p = map(2, RW);
  put(p, 1);
  mprotect(p, PAGE, RX);
  mprotect(p + PAGE, PAGE, PROT_READ);
  if (syscall(CALL_MSEAL, p + PAGE, (long)PAGE, 0L) == 0) {
    CHECK_EQUAL(heat(p), 1);
    CHECK_EQUAL(mprotect(p, 2 * PAGE, RWX), -1);
    rewrite(p, 2);
  }
  // What a mapping that failed was to replace.
  p = code(1, RX);
  CHECK_EQUAL(heat(p), 1);
  int plug = socket(AF_INET, SOCK_STREAM, 0);
  if (plug >= 0) {
    CHECK(mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, plug, 0) == MAP_FAILED);
    close(plug);
    // Older kernels leave it.
    long left = value(p);
    CHECK(left == 1 || left == -SIGSEGV);
    CHECK_EQUAL(msync(p, PAGE, MS_ASYNC) == 0, left == 1);
  }
}

static void attached(void) {
  for (int protection = RX; protection <= RWX; protection += RWX - RX) {
    char *p = code(1, protection);
    CHECK_EQUAL(heat(p), 1);
    int segment = shmget(IPC_PRIVATE, PAGE, 0700);
    char *other = shmat(segment, NULL, 0);
    put(other, 2);
    CHECK(shmat(segment, p, SHM_REMAP | SHM_EXEC) == p);
    shmctl(segment, IPC_RMID, NULL);
    CHECK_EQUAL(heat(p), 2);
    put(other, 3);
    CHECK_EQUAL(heat(p), 3);
    // What was private once is known to be shared now.
    mprotect(p, PAGE, RW);
    mprotect(p, PAGE, RX);
    CHECK_EQUAL(heat(p), 3);
    put(other, 4);
    CHECK_EQUAL(heat(p), 4);
    shmdt(p);
    CHECK_EQUAL(value(p), -SIGSEGV);
    shmdt(other);
  }
}

// One page that may be executed, and one that may be written, too.
static char *bothKinds(void) {
  char *p = map(3, RW);
  put(p, 1);
  put(p + PAGE, 1);
  mprotect(p, PAGE, RX);
  mprotect(p + PAGE, PAGE, RWX);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(heat(p + PAGE), 1);
  return p;
}

static void moved(void) {
  char *p = bothKinds();
  CHECK(mremap(p, 3 * PAGE, 2 * PAGE, 0) == p);
  rewrite(p + PAGE, 2);
  p = bothKinds();
  CHECK(mremap(p, 2 * PAGE, 2 * PAGE, 0) == p);
  rewrite(p + PAGE, 2);

  // Data and code at once; before Linux 6.17 only one mapping at a time is moved.
  p = map(3, RW);
  put(p, 1);
  put(p + PAGE, 1);
  mprotect(p + PAGE, PAGE, RWX);
  char *place = map(2, PROT_NONE);
  if (mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place) {
    CHECK_EQUAL(value(place), -SIGSEGV);
    CHECK_EQUAL(value(place + PAGE), 1);
    rewrite(place + PAGE, 2);
  }

  // A shared mapping once more, and one that leaves its place empty.
  p = mmap(NULL, PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  put(p, 1);
  char *again = mremap(p, 0, PAGE, MREMAP_MAYMOVE);
  CHECK(again != MAP_FAILED);
  CHECK_EQUAL(heat(again), 1);
  put(p, 2);
  CHECK_EQUAL(heat(again), 2);
  p = code(1, RWX);
  CHECK_EQUAL(heat(p), 1);
  again = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  if (again != MAP_FAILED) {
    CHECK_EQUAL(heat(again), 1);
    CHECK_EQUAL(value(p), -SIGSEGV);
    rewrite(p, 2);
    CHECK_EQUAL(heat(again), 1);
    rewrite(again, 5);
  }
}

// Calls that the kernel refuses as a whole, with arguments that lead around the end of all addresses.
static void refused(void) {
  char *p = code(1, RWX);
  unsigned long rest = -((unsigned long)p + PAGE);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(syscall(SYS_mprotect, p + 1, rest, (long)RWX), -1);
  CHECK_EQUAL(syscall(SYS_madvise, p + 1, rest, (long)MADV_DONTNEED), -1);
  CHECK_EQUAL(syscall(SYS_madvise, p, (long)PAGE, 9999L), -1);
  CHECK_EQUAL(syscall(SYS_mremap, p, (long)PAGE, rest, (long)(MREMAP_MAYMOVE | MREMAP_FIXED), p + 1), -1);
  CHECK_EQUAL(syscall(SYS_mmap, p + 1, rest, (long)RWX, (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1L, 0L), -1);
  CHECK_EQUAL(syscall(SYS_munmap, 0L, 0x800000000000L), -1);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(value((void *)8), -SIGSEGV);
  rewrite(p, 2);
  munmap(p, PAGE);
}

static void broken(void) {
  // Ends that lie within one page, too.
  sbrk(7);
  sbrk(-3);
  sbrk(-(intptr_t)sbrk(0) & (PAGE - 1));
  for (int protection = RX; protection <= RWX; protection += RWX - RX) {
    char *p = sbrk(4 * PAGE);
    put(p, 1);
    mprotect(p, 4 * PAGE, protection);
    CHECK_EQUAL(heat(p), 1);
    sbrk(-4 * PAGE);
    CHECK_EQUAL(value(p), -SIGSEGV);
    CHECK(sbrk(4 * PAGE) == p);
    put(p, 2);
    CHECK_EQUAL(value(p), -SIGSEGV);
    sbrk(-4 * PAGE);
  }
}

static void growing(void) {
  char *p = map(64, PROT_NONE);
  munmap(p, 64 * PAGE);
  p = mmap(p + 32 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  CHECK(p != MAP_FAILED);
  put(p, 1);
  mprotect(p, 4 * PAGE, RX);
  CHECK_EQUAL(heat(p), 1);
  CHECK_EQUAL(mprotect(p + 3 * PAGE, PAGE, RWX | PROT_GROWSDOWN), 0);
  rewrite(p, 2);
  // The access below makes it larger.
  put(p - PAGE, 5);
  CHECK_EQUAL(heat(p - PAGE), 5);
  rewrite(p - PAGE, 6);
  munmap(p - PAGE, 5 * PAGE);
}

// An instruction that begins in one mapping and ends in another.
static void straddling(void) {
  char *p = map(2, RW);
  char *at = p + PAGE - 4;
  put(at, 1);
  mprotect(p, PAGE, RX);
  mprotect(p + PAGE, PAGE, RWX);
  for (int i = 1; i < 4; i++) {
    p[PAGE] = i;
    CHECK_EQUAL(heat(at), 1 + i * 256);
  }
  munmap(p, 2 * PAGE);

  int file = memfd_create("code", 0);
  CHECK_EQUAL(ftruncate(file, PAGE), 0);
  char *other = mmap(NULL, PAGE, RW, MAP_SHARED, file, 0);
  p = map(2, RW);
  CHECK(mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0) == p + PAGE);
  at = p + PAGE - 4;
  put(at, 1);
  mprotect(p, PAGE, RX);
  mprotect(p + PAGE, PAGE, RX);
  for (int i = 1; i < 4; i++) {
    other[0] = i;
    CHECK_EQUAL(heat(at), 1 + i * 256);
  }
  munmap(p, 2 * PAGE);
  munmap(other, PAGE);
  close(file);
}

// Whether a translator still knows of the thread: natively %gs is the program's own.
static unsigned long mark[] = {0x1234567, 9};
static unsigned long marked(void) {
  unsigned long word;
  __asm__ volatile("mov %%gs:0, %0" : "=r"(word));
  return word;
}

static void unreadable(void) {
  CHECK_EQUAL(syscall(SYS_arch_prctl, 0x1001L, mark + 1), 0);
  // The kernel looks at an int.
  CHECK_EQUAL(syscall(SYS_arch_prctl, 0x100001001L, mark), 0);
  for (int protection = PROT_EXEC; protection <= (PROT_EXEC | PROT_WRITE); protection += PROT_WRITE) {
    char *p = code(1, protection);
    CHECK_EQUAL(heat(p), 1);
    CHECK_EQUAL(marked(), mark[0]);
    if (protection & PROT_WRITE) rewrite(p, 2);
    munmap(p, PAGE);
  }
}

int main(void) {
  struct sigaction action = {.sa_handler = onFault, .sa_flags = SA_NODEFER};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL};
  for (int i = 0; i < 3; i++) sigaction(signals[i], &action, NULL);
  advised();
  doneInPart();
  attached();
  moved();
  refused();
  broken();
  growing();
  straddling();
  unreadable();
  return verdict();
}
