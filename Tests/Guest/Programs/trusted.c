// SPDX-License-Identifier: GPL-3.0-only
// groups: smc thread
// flush: 100
// build: -O1 -pthread -z execstack
// limit: 60
// Code that has run so often that a translator protects its pages, while other threads, the kernel or the translator itself
// write there, and where pages are given back.
#include "hot.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

// Hot code ends a page; the next one, which an instruction might reach into, is not there when it becomes hot, and gets code then.
static void givenBack(int advice, int then) {
  unsigned char *p = map(NULL, 2 * PAGE), *end = p + PAGE - CODE_SIZE - 1, *next = p + PAGE + 64;
  put(end, 1);
  put(next, 7);
  for (int i = 0; i < 100; i++) CHECK_EQUAL(call(end), 1);
  if (madvise(p + PAGE, PAGE, advice) != 0) {
    printf("no advice %d here: %s\n", advice, strerror(errno));
    CHECK(advice > 100 && errno == EINVAL);  // Kernels before 6.13 have no guard regions.
    return;
  }
  if (then) CHECK(madvise(p + PAGE, PAGE, then) == 0);
  CHECK_EQUAL(heat(end), 1);
  for (int value = 2; value < 5; value++) {
    put(next, value);
    CHECK_EQUAL(heat(next), value);
  }
}

// A JIT gives back all but the first functions of its arena, and fills it again.
static void arenaGivenBack(void) {
  enum { PAGES = 64, KEPT = 8 };
  unsigned char *p = map(NULL, PAGES * PAGE);
  for (int i = 0; i < PAGES * PAGE; i += 16) put(p + i, i / 16);
  for (int i = 0; i < PAGES * PAGE; i += 16) CHECK_EQUAL(call(p + i), i / 16);
  CHECK(madvise(p + KEPT * PAGE, (PAGES - KEPT) * PAGE, MADV_DONTNEED) == 0);
  heat(p + KEPT * PAGE - 16);
  for (int round = 1; round < 4; round++) {
    for (int i = KEPT * PAGE; i < PAGES * PAGE; i += 16) put(p + i, round);
    for (int i = KEPT * PAGE; i < PAGES * PAGE; i += 16) CHECK_EQUAL(call(p + i), round);
  }
}

// process_madvise over a hole fails when it has come there.
static void givenBackInPart(void) {
  int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
  unsigned char *p = map(NULL, 3 * PAGE);
  put(p, 1);
  CHECK(munmap(p + PAGE, PAGE) == 0);
  CHECK_EQUAL(heat(p), 1);
  struct iovec piece = {p, 3 * PAGE};
  errno = 0;
  long bytes = syscall(SYS_process_madvise, process, &piece, 1, MADV_DONTNEED, 0);
  printf("given back in part: %ld %d, %d\n", bytes, errno, p[0]);
  for (int value = 2; value < 4; value++) {
    put(p, value);
    CHECK_EQUAL(heat(p), value);
  }

  // Of a file, which shows again what the program has written over.
  int file = memfd_create("code", 0);
  unsigned char code[PAGE] = {0};
  put(code, 5);
  CHECK_EQUAL(write(file, code, PAGE), PAGE);
  CHECK(ftruncate(file, 3 * PAGE) == 0);
  p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0);
  CHECK(p != MAP_FAILED);
  put(p, 1);
  CHECK(mprotect(p, 3 * PAGE, PROT_READ | PROT_EXEC) == 0 && munmap(p + PAGE, PAGE) == 0);
  CHECK_EQUAL(heat(p), 1);
  piece.iov_base = p;
  bytes = syscall(SYS_process_madvise, process, &piece, 1, MADV_DONTNEED, 0);
  printf("and of a file: %ld, %d\n", bytes, bytes < 0 ? errno : 0);
  CHECK_EQUAL(heat(p), bytes < 0 && errno == EINVAL ? 1 : 5);
  close(file);
  close(process);
}

// mov [code+3], edi ; ret: the code writes to its own page.
static void putWriter(unsigned char *p, unsigned char *code) {
  int distance = (int)(code + 3 - (p + 6));
  memcpy(p, (unsigned char[]){0x89, 0x3d, 0, 0, 0, 0, 0xc3}, 7);
  memcpy(p + 2, &distance, 4);
}

static _Atomic(unsigned char *) shown;
static atomic_int stopped;

static void *callShown(void *unused) {
  (void)unused;
  while (!stopped) {
    unsigned char *p = shown;
    for (int i = 0; p && i < 200; i++) call(p);
  }
  return NULL;
}

// One thread's code writes to its page while another runs code of it, which makes the page hot again at once.
static void writtenWhileOthersRun(void) {
  pthread_t other;
  stopped = 0;
  CHECK(pthread_create(&other, NULL, callShown, NULL) == 0);
  for (int round = 0; round < 100; round++) {
    unsigned char *p = map(NULL, PAGE);
    put(p, 1);
    putWriter(p + 64, p);
    shown = p;
    for (int i = 0; i < 4000; i++) call(p);
    for (int value = 2; value < 6; value++) {
      ((Function)(p + 64))(value);
      CHECK_EQUAL(call(p), value);
      for (int i = 0; i < 3000; i++) call(p);
      // From elsewhere.
      *(volatile int *)(p + 3) = value + 100;
      CHECK_EQUAL(call(p), value + 100);
      for (int i = 0; i < 3000; i++) call(p);
      CHECK_EQUAL(call(p), value + 100);
    }
  }
  stopped = 1;
  CHECK(pthread_join(other, NULL) == 0);
}

static atomic_int turn;
static int memory, refused;

// Calls whose result the translator writes, and writes past all protection, to the page that is written to.
static void *writeBesides(void *unused) {
  (void)unused;
  int seen = 0, now;
  while ((now = turn) >= 0) {
    if (now == seen) continue;
    seen = now;
    unsigned char *p = shown;
    for (volatile int i = 0; i < seen * 7919 % 20000; i++) continue;
    int value = seen;
    if (seen & 1) {
      refused += syscall(SYS_arch_prctl, 0x1004 /* ARCH_GET_GS */, p + 2048) != 0;
    } else {
      refused += pwrite(memory, &value, 4, (off_t)(uintptr_t)(p + 2048)) != 4;
    }
  }
  return NULL;
}

static void writtenByCallsMeanwhile(void) {
  pthread_t other;
  memory = open("/proc/self/mem", O_RDWR);
  CHECK(memory >= 0);
  CHECK(pthread_create(&other, NULL, writeBesides, NULL) == 0);
  for (int round = 1; round < 300; round++) {
    unsigned char *p = map(NULL, PAGE);
    put(p, 1);
    putWriter(p + 64, p);
    for (int i = 0; i < 6000; i++) call(p);
    shown = p;
    turn = round;
    ((Function)(p + 64))(5);
    CHECK_EQUAL(call(p), 5);
  }
  turn = -1;
  CHECK(pthread_join(other, NULL) == 0);
  CHECK_EQUAL(refused, 0);
  close(memory);
}

// What the kernel writes for a thread that ends: the word that its joiner waits for.
static unsigned char *lastPage;

static int endWithHotPage(void *unused) {
  (void)unused;
  for (int i = 0; i < 3; i++) heat(lastPage);
  syscall(SYS_exit, 0);
  return 0;
}

static void joinersWord(void) {
  static unsigned char stack[65536] __attribute__((aligned(16)));
  lastPage = map(NULL, PAGE);
  put(lastPage, 1);
  atomic_int *word = (atomic_int *)(lastPage + 2048);
  *word = 77;
  int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  int thread = clone(endWithHotPage, stack + sizeof stack, flags, NULL, NULL, NULL, word);
  CHECK(thread > 0);
  // As a joiner does: were the word not cleared, this would not end.
  for (int value; (value = *word) != 0;) syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

// And the mutexes that it has locked.
static pthread_mutex_t *mutex;

static void *endWithMutex(void *unused) {
  (void)unused;
  CHECK(pthread_mutex_lock(mutex) == 0);
  for (int i = 0; i < 3; i++) heat(lastPage);
  return NULL;
}

static void robustMutex(void) {
  lastPage = map(NULL, PAGE);
  put(lastPage, 1);
  mutex = (pthread_mutex_t *)(lastPage + 2048);
  pthread_mutexattr_t robust;
  CHECK(pthread_mutexattr_init(&robust) == 0 && pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) == 0);
  CHECK(pthread_mutex_init(mutex, &robust) == 0);
  pthread_t owner;
  CHECK(pthread_create(&owner, NULL, endWithMutex, NULL) == 0);
  CHECK(pthread_join(owner, NULL) == 0);
  CHECK_EQUAL(pthread_mutex_trylock(mutex), EOWNERDEAD);
}

// Code that writes the very next instruction, as the first process of a pid namespace.
static int writesNext(void) {
  static const unsigned char code[] = {
      0x8b, 0x05, 0x11, 0,    0,    0,    0x01, 0xf8, 0x89, 0x05, 0x09, 0, 0, 0, 0x90,  // mov value, %eax ; add %edi ; mov %eax, value
      0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 0,    0,    0,    0, 0x48, 0x98, 0xc3};  // value: mov $0, %eax ; cltq ; ret
  int wrong = 0;
  for (int round = 0; round < 20; round++) {
    unsigned char *p = map(NULL, 2 * PAGE);
    memcpy(p, code, sizeof code);
    put(p + 1024, 1);
    heat(p + 1024);
    wrong += ((Function)p)(5) != 5;
  }
  return wrong;
}

static void inANamespace(void) {
  CHECK_EQUAL(writesNext(), 0);
  if (unshare(CLONE_NEWPID | (getuid() ? CLONE_NEWUSER : 0)) != 0) {
    printf("no pid namespace of its own: %s\n", strerror(errno));
    CHECK(getuid() != 0);
    return;
  }
  pid_t child = fork();
  if (child == 0) _exit(writesNext());
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

int main(void) {
  givenBack(MADV_DONTNEED, 0);
  givenBack(102 /* MADV_GUARD_INSTALL */, 103 /* MADV_GUARD_REMOVE */);
  arenaGivenBack();
  givenBackInPart();
  writtenWhileOthersRun();
  writtenByCallsMeanwhile();
  joinersWord();
  robustMutex();
  inANamespace();
  return verdict();
}
