// SPDX-License-Identifier: GPL-3.0-only
// groups: smc thread
// flush: 2
// build: -O1 -pthread -z execstack
// limit: 40
// Writable code that runs so often that a translator comes to trust it, and is then written in every way
// there is: the next execution must be of the new code.
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { HOT = 200000 };
typedef long (*Function)(long);

static unsigned char *page(void) {
  unsigned char *p =
      mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

// lea rax, [rdi+value] ; ret
static Function put(unsigned char *at, int value) {
  unsigned char code[] = {0x48, 0x8d, 0x87, 0, 0, 0, 0, 0xc3};
  memcpy(code + 3, &value, 4);
  memcpy(at, code, sizeof code);
  return (Function)at;
}

static long heat(Function f) {
  long sum = 0;
  for (int i = 0; i < HOT; i++) sum += f(i) - i;
  return sum / HOT;
}

static void rewritten(void) {
  unsigned char *p = page();
  for (int round = 1; round < 6; round++) {
    Function f = put(p, round);
    CHECK_EQUAL(heat(f), round);
  }
  // One byte at the end of the instruction, and code elsewhere on the page.
  p[3] = 77;
  CHECK_EQUAL(heat((Function)p), 77);
  Function other = put(p + 2000, 5);
  CHECK_EQUAL(heat((Function)p), 77);
  CHECK_EQUAL(heat(other), 5);
  // Code that straddles two pages, of which only the second is written.
  Function across = put(p + 4093, 11);
  CHECK_EQUAL(heat(across), 11);
  p[4096] = 12;
  CHECK_EQUAL(heat(across), 12);
  munmap(p, 8192);
}

// A function that raises its own last immediate each time it runs: the write and what it writes lie in
// one straight piece of code.
static void ofItself(void) {
  unsigned char *p = page();
  unsigned char code[] = {
      0x8b, 0x05, 0x11, 0, 0, 0,        // mov eax, [rip+17]: the immediate below
      0x01, 0xf8,                       // add eax, edi
      0x89, 0x05, 0x09, 0, 0, 0,        // mov [rip+9], eax: the same
      0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
      0xb8, 0, 0, 0, 0,                 // mov eax, immediate
      0x48, 0x98, 0xc3,                 // cdqe ; ret
  };
  memcpy(p, code, sizeof code);
  Function f = (Function)p;
  for (int i = 0; i < HOT; i++) f(0);
  CHECK_EQUAL(f(0), 0);
  for (int i = 1; i < 300; i++) {
    long result = f(1);
    if (result != i) CHECK_EQUAL(result, i);
    // Hot again before the next write.
    if (i % 100 == 0)
      for (int k = 0; k < HOT; k++) f(0);
  }
  munmap(p, 8192);
}

static void byTheKernel(void) {
  unsigned char *p = page();
  Function f = put(p, 1);
  CHECK_EQUAL(heat(f), 1);
  int pipes[2];
  CHECK_EQUAL(pipe(pipes), 0);
  unsigned char value = 9;
  CHECK_EQUAL(write(pipes[1], &value, 1), 1);
  CHECK_EQUAL(read(pipes[0], p + 3, 1), 1);
  CHECK_EQUAL(heat(f), 9);
  // Of a larger read every byte must arrive, on both pages.
  unsigned char bytes[6000], back[6000];
  for (int i = 0; i < 6000; i++) bytes[i] = i * 7;
  CHECK_EQUAL(write(pipes[1], bytes, sizeof bytes), 6000);
  CHECK_EQUAL(heat(f), 9);
  CHECK_EQUAL(read(pipes[0], p + 100, sizeof bytes), 6000);
  memcpy(back, p + 100, sizeof back);
  CHECK_EQUAL(memcmp(bytes, back, sizeof bytes), 0);
  CHECK_EQUAL(heat(f), 9);
  value = 10;
  struct iovec from = {&value, 1}, to = {p + 3, 1};
  CHECK_EQUAL(process_vm_writev(getpid(), &from, 1, &to, 1, 0), 1);
  CHECK_EQUAL(heat(f), 10);
  munmap(p, 8192);
}

static void byMappingCalls(void) {
  unsigned char *p = page();
  Function f = put(p, 1);
  CHECK_EQUAL(heat(f), 1);
  CHECK_EQUAL(mprotect(p, 4096, PROT_READ | PROT_WRITE), 0);
  put(p, 2);
  CHECK_EQUAL(mprotect(p, 4096, PROT_READ | PROT_EXEC), 0);
  CHECK_EQUAL(heat(f), 2);
  CHECK_EQUAL(mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
  CHECK_EQUAL(heat(f), 2);
  put(p, 3);
  CHECK_EQUAL(heat(f), 3);
  CHECK_EQUAL(madvise(p, 4096, MADV_DONTNEED), 0);
  CHECK_EQUAL(p[0], 0);
  put(p, 4);
  CHECK_EQUAL(heat(f), 4);
  put(p, 5);
  CHECK_EQUAL(heat(f), 5);
  unsigned char *moved = mremap(p, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, page());
  CHECK(moved != MAP_FAILED);
  CHECK_EQUAL(heat((Function)moved), 5);
  moved[3] = 6;
  CHECK_EQUAL(heat((Function)moved), 6);
  CHECK(mmap(moved, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == moved);
  CHECK_EQUAL(heat(put(moved, 7)), 7);
  CHECK_EQUAL(heat(put(moved, 8)), 8);
  munmap(moved, 8192);
}

// A private mapping shows what is written to its file, where nobody has written through the mapping itself.
static void throughItsFile(void) {
  int file = memfd_create("code", 0);
  CHECK(file >= 0);
  CHECK_EQUAL(ftruncate(file, 8192), 0);
  unsigned char code[8];
  put(code, 1);
  CHECK_EQUAL(pwrite(file, code, 8, 0), 8);
  unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0);
  CHECK(p != MAP_FAILED);
  CHECK_EQUAL(heat((Function)p), 1);
  put(code, 2);
  CHECK_EQUAL(pwrite(file, code, 8, 0), 8);
  CHECK_EQUAL(heat((Function)p), 2);
  p[3] = 3;
  CHECK_EQUAL(heat((Function)p), 3);
  munmap(p, 8192);
  close(file);
}

// One call over a private and a shared mapping: the second still changes through its other mapping.
static void overBothKinds(void) {
  int file = memfd_create("code", 0);
  CHECK(file >= 0);
  CHECK_EQUAL(ftruncate(file, 4096), 0);
  unsigned char *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  for (int wasExecutable = 0; wasExecutable < 2; wasExecutable++) {
    unsigned char *p = page();
    int protection = PROT_READ | PROT_WRITE | (wasExecutable ? PROT_EXEC : 0);
    CHECK(mmap(p + 4096, 4096, protection, MAP_SHARED | MAP_FIXED, file, 0) == p + 4096);
    put(p, 1);
    put(other, 2);
    CHECK_EQUAL(mprotect(p, 8192, PROT_READ | PROT_EXEC), 0);
    CHECK_EQUAL(heat((Function)p), 1);
    CHECK_EQUAL(heat((Function)(p + 4096)), 2);
    put(other, 3);
    CHECK_EQUAL(heat((Function)(p + 4096)), 3);
    munmap(p, 8192);
  }
  munmap(other, 4096);
  close(file);
}

static void inAChild(void) {
  unsigned char *p = page();
  Function f = put(p, 1);
  CHECK_EQUAL(heat(f), 1);
  pid_t child = fork();
  if (child == 0) {
    put(p, 2);
    _exit(heat(f) == 2 ? 0 : 1);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(heat(f), 1);
  put(p, 3);
  CHECK_EQUAL(heat(f), 3);
  munmap(p, 8192);
}

// A loop that only another thread's write can end.
static unsigned char *loop;
static volatile int isSpinning;

static void *spin(void *unused) {
  (void)unused;
  isSpinning = 1;
  ((Function)loop)(0);
  return NULL;
}

static void byAnotherThread(void) {
  unsigned char code[] = {0x31, 0xc0, 0xff, 0xc0, 0xeb, 0xfc, 0xc3};  // xor ; inc ; jmp -4 ; ret
  for (int round = 0; round < 4; round++) {
    loop = page();
    memcpy(loop, code, sizeof code);
    isSpinning = 0;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) CHECK_EQUAL(pthread_create(&threads[i], NULL, spin, NULL), 0);
    while (!isSpinning) sched_yield();
    // Hot before it is written: this thread runs other code on the same page.
    CHECK_EQUAL(heat(put(loop + 512, 3)), 3);
    __atomic_store_n((uint16_t *)(loop + 4), 0xc3c3, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    munmap(loop, 8192);
  }
}

// Hot code on a stack, beside data that is written all the time, and a handler's frame over it.
static volatile int handled;
static void onSignal(int number) { handled += number == SIGUSR1; }

__attribute__((noinline)) static void onTheStack(void) {
  unsigned char place[64] __attribute__((aligned(16)));
  for (int round = 0; round < 3; round++) {
    Function f = put(place, round);
    CHECK_EQUAL(heat(f), round);
    raise(SIGUSR1);
    CHECK_EQUAL(heat(f), round);
  }
}

int main(void) {
  struct sigaction action = {.sa_handler = onSignal};
  sigaction(SIGUSR1, &action, NULL);
  throughItsFile();  // where no page has been written to yet: each write raises what a page takes to be trusted
  rewritten();
  ofItself();
  byTheKernel();
  byMappingCalls();
  overBothKinds();
  inAChild();
  byAnotherThread();
  onTheStack();
  CHECK_EQUAL(handled, 3);
  return verdict();
}
