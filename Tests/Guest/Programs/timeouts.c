// SPDX-License-Identifier: GPL-3.0-only
// groups: signal thread
// build: -O1 -pthread
// limit: 60
// Calls that wait for a length of time end when it is over, whatever interrupts them that natively would not: ignored signals,
// and the discarding of code that another thread rewrites. Without that they begin their wait anew each time, and never end.
#include "check.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { waitMilliseconds = 60, epollPwait2 = 441 };

static const struct timespec timeout = {0, waitMilliseconds * 1000000};
static struct timespec longAgo = {0, 1};
static pthread_t waiter;
static int isOver;

/// Makes a call by a number that no translator can know beforehand, and checks that it leaves all of its arguments as they were.
static __attribute__((noinline)) long call(long number, const long *arguments) {
  register long a0 __asm__("rdi") = arguments[0], a1 __asm__("rsi") = arguments[1], a2 __asm__("rdx") = arguments[2];
  register long a3 __asm__("r10") = arguments[3], a4 __asm__("r8") = arguments[4], a5 __asm__("r9") = arguments[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                   : "a"(number)
                   : "rcx", "r11", "memory");
  long after[] = {a0, a1, a2, a3, a4, a5};
  CHECK(memcmp(after, arguments, sizeof after) == 0);
  return result;
}

/// The same for one whose number stands right before it.
#define CALL_BY_NUMBER(number)                                                                     \
  static __attribute__((noinline)) long call##number(const long *arguments) {                       \
    register long a0 __asm__("rdi") = arguments[0], a1 __asm__("rsi") = arguments[1],              \
                  a2 __asm__("rdx") = arguments[2];                                                \
    register long a3 __asm__("r10") = arguments[3], a4 __asm__("r8") = arguments[4],               \
                  a5 __asm__("r9") = arguments[5];                                                 \
    long result;                                                                                   \
    __asm__ volatile("mov $" #number ", %%eax\n syscall"                                           \
                     : "=a"(result), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)    \
                     :                                                                             \
                     : "rcx", "r11", "memory");                                                    \
    long after[] = {a0, a1, a2, a3, a4, a5};                                                       \
    CHECK(memcmp(after, arguments, sizeof after) == 0);                                            \
    return result;                                                                                 \
  }
CALL_BY_NUMBER(128)
CALL_BY_NUMBER(208)
CALL_BY_NUMBER(220)
CALL_BY_NUMBER(232)
CALL_BY_NUMBER(281)
CALL_BY_NUMBER(333)
CALL_BY_NUMBER(441)

static long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000 + now.tv_nsec;
}

/// A wait that nothing ends but its timeout.
struct Wait {
  long number;
  long (*byNumber)(const long *);
  long arguments[6];
  long result;
};

static struct Wait waits[7];

static void prepare(void) {
  static struct epoll_event events[1];
  static struct io_event done[1];
  static struct sembuf decrement = {0, -1, 0};
  static sigset_t awaited;
  aio_context_t context = 0;
  CHECK(syscall(SYS_io_setup, 4, &context) == 0);
  int epoll = epoll_create1(0), semaphores = semget(IPC_PRIVATE, 1, 0600);
  CHECK(epoll >= 0 && semaphores >= 0);
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &awaited, NULL);
  struct Wait all[7] = {
      {SYS_rt_sigtimedwait, call128, {(long)&awaited, 0, (long)&timeout, 8, 81, 82}, -EAGAIN},
      {SYS_io_getevents, call208, {(long)context, 1, 1, (long)done, (long)&timeout, 83}, 0},
      {SYS_semtimedop, call220, {semaphores, (long)&decrement, 1, (long)&timeout, 84, 85}, -EAGAIN},
      {SYS_epoll_wait, call232, {epoll, (long)events, 1, waitMilliseconds, 86, 87}, 0},
      {SYS_epoll_pwait, call281, {epoll, (long)events, 1, waitMilliseconds, 0, 8}, 0},
      {SYS_io_pgetevents, call333, {(long)context, 1, 1, (long)done, (long)&timeout, 0}, 0},
      {epollPwait2, call441, {epoll, (long)events, 1, (long)&timeout, 0, 8}, 0},
  };
  memcpy(waits, all, sizeof all);
}

static void release(void) {
  CHECK(semctl((int)waits[2].arguments[0], 0, IPC_RMID) == 0);
}

static void check(const struct Wait *wait, int isKnown) {
  long start = nanoseconds();
  long result = isKnown ? wait->byNumber(wait->arguments) : call(wait->number, wait->arguments);
  long waited = nanoseconds() - start;
  if (result != wait->result) printf("call %ld:\n", wait->number);
  CHECK_EQUAL(result, wait->result);
  CHECK(waited >= waitMilliseconds * 1000000l);
}

/// Each of the calls, while `disturb` runs in another thread until it is over.
static void waitsDespite(void *(*disturb)(void *)) {
  waiter = pthread_self();
  for (int isKnown = 0; isKnown < 2; isKnown++) {
    for (int i = 0; i < 7; i++) {
      pthread_t thread;
      __atomic_store_n(&isOver, 0, __ATOMIC_SEQ_CST);
      CHECK(pthread_create(&thread, NULL, disturb, NULL) == 0);
      check(&waits[i], isKnown);
      __atomic_store_n(&isOver, 1, __ATOMIC_SEQ_CST);
      pthread_join(thread, NULL);
    }
  }
}

static int goesOn(void) {
  struct timespec pause = {0, 5000000};
  nanosleep(&pause, NULL);
  return !__atomic_load_n(&isOver, __ATOMIC_SEQ_CST);
}

static void *sendsIgnored(void *unused) {
  while (goesOn()) pthread_kill(waiter, SIGWINCH);
  return unused;
}

static unsigned char *code;

static void *rewrites(void *unused) {
  for (int round = 1; goesOn(); round++) {
    // mov eax, round ; ret
    code[0] = 0xb8;
    memcpy(code + 1, &round, 4);
    code[5] = 0xc3;
    // As often as it takes: no number of checks.
    if (((int (*)(void))code)() != round) CHECK(!"the new code runs");
  }
  return unused;
}

/// As a new place for the same code each time.
static void *maps(void *unused) {
  for (int round = 1; goesOn(); round++) {
    unsigned char *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place[0] = 0xb8;
    memcpy(place + 1, &round, 4);
    place[5] = 0xc3;
    if (((int (*)(void))place)() != round) CHECK(!"the new code runs");
    munmap(place, 4096);
  }
  return unused;
}

static int handled;
static void onSignal(int signal) { handled = signal; }

static void *sendsOneHandled(void *unused) {
  goesOn();
  pthread_kill(waiter, SIGUSR1);
  return unused;
}

/// One with a handler ends the wait, as ever, also one that was interrupted before.
static void endsByHandler(void) {
  signal(SIGUSR1, onSignal);
  waiter = pthread_self();
  for (int i = 0; i < 7; i++) {
    pthread_t thread;
    handled = 0;
    __atomic_store_n(&isOver, 0, __ATOMIC_SEQ_CST);
    pthread_create(&thread, NULL, sendsOneHandled, NULL);
    CHECK_EQUAL(call(waits[i].number, waits[i].arguments), -EINTR);
    CHECK_EQUAL(handled, SIGUSR1);
    pthread_join(thread, NULL);
  }
}

/// What comes before the end of the timeout is found, and without a timeout there is no end.
static void findsWhatComes(int milliseconds) {
  int ends[2];
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, found = {0};
  int epoll = epoll_create1(0);
  CHECK(pipe(ends) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
  pid_t self = getpid(), child = fork();
  if (child == 0) {
    for (int i = 0; i < 20; i++) {
      struct timespec pause = {0, 2000000};
      nanosleep(&pause, NULL);
      kill(self, SIGWINCH);
    }
    _exit(write(ends[1], "x", 1) != 1);
  }
  long arguments[6] = {epoll, (long)&found, 1, milliseconds, 0, 8};
  CHECK_EQUAL(call(SYS_epoll_wait, arguments), 1);
  CHECK_EQUAL(found.data.u32, 7);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  close(epoll);
  close(ends[0]);
  close(ends[1]);
}

/// A program that may not read the time stamp counter waits all the same.
static void waitsWithoutCounter(void) {
  pid_t child = fork();
  if (child == 0) {
    checksFailed = 0;
    CHECK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
    // Contexts of asynchronous requests are not inherited.
    for (int i = 0; i < 7; i++) {
      long wanted = i == 1 || i == 5 ? -EINVAL : waits[i].result;
      CHECK_EQUAL(call(waits[i].number, waits[i].arguments), wanted);
      CHECK_EQUAL(waits[i].byNumber(waits[i].arguments), wanted);
    }
    _exit(checksFailed != 0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

/// Timeouts of no length, and of none that is one, are not touched.
static void otherTimeouts(void) {
  int epoll = (int)waits[3].arguments[0];
  struct epoll_event found;
  long atOnce[6] = {epoll, (long)&found, 1, 0, 0, 8}, wrong[6] = {epoll, (long)&found, 1, 8, 0, 8};
  CHECK_EQUAL(call(SYS_epoll_wait, atOnce), 0);
  CHECK_EQUAL(call(epollPwait2, wrong), -EFAULT);
  wrong[3] = (long)&longAgo;
  CHECK_EQUAL(call(epollPwait2, wrong), 0);
  longAgo.tv_nsec = 1000000000;
  CHECK_EQUAL(call(epollPwait2, wrong), -EINVAL);
}

int main(void) {
  setbuf(stdout, NULL);
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  prepare();
  waitsDespite(sendsIgnored);
  waitsDespite(rewrites);
  waitsDespite(maps);
  endsByHandler();
  findsWhatComes(60000);
  findsWhatComes(-1);
  otherTimeouts();
  waitsWithoutCounter();
  release();
  return verdict();
}
