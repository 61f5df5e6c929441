// SPDX-License-Identifier: GPL-3.0-only
// groups: signal
// build: -O1 -pthread
// limit: 30
// Signals of which natively nothing comes: ignored ones do not end system calls, those of a pid namespace's first process are
// dropped; and what is set, or not, when rt_sigaction says that it has failed.
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

// A child that sends a signal when this process waits in a call, and ends, which is a signal as well.
static void disturbed(long call, int signal) { CHECK(signal_in_call(call, signal) > 0); }

static void ignoredSignals(int signal) {
  int events = epoll_create1(0);
  struct epoll_event event;
  disturbed(SYS_epoll_wait, signal);
  CHECK_EQUAL(epoll_wait(events, &event, 1, 300), 0);
  int pair[2];
  struct timeval timeout = {0, 300000};
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
  char byte;
  disturbed(SYS_recvfrom, signal);
  CHECK(recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  struct timespec time = {0, 300000000};
  disturbed(SYS_rt_sigtimedwait, signal);
  CHECK(sigtimedwait(&set, NULL, &time) == -1 && errno == EAGAIN);
  int semaphores = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf down = {0, -1, 0};
  disturbed(SYS_semtimedop, signal);
  CHECK(semtimedop(semaphores, &down, 1, &time) == -1 && errno == EAGAIN);
  semctl(semaphores, 0, IPC_RMID);
  while (waitpid(-1, NULL, 0) > 0) continue;
  close(events);
  close(pair[0]);
  close(pair[1]);
}

static volatile int handled;
static volatile uint64_t frameRIP;
static void note(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  frameRIP = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  handled++;
}

// Of the program's own code: a frame of a handler that ran natively in the midst of a translation names another place.
static int isOwn(uint64_t place) {
  uint64_t text = (uint64_t)isOwn & ~0xfffull;
  return place - text < 1 << 20 || place >= (uint64_t)1 << 46;
}

struct action {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void *restorer;
  unsigned long mask;
};
void restorer(void);
__asm__("restorer: mov $15, %eax\n syscall\n");

// The handler is set, then the old one cannot be written.
static void oldActionUnwritable(void) {
  struct action action = {note, 0x04000000 | SA_SIGINFO, restorer, 0};
  CHECK(syscall(SYS_rt_sigaction, SIGUSR1, &action, (void *)8, 8) == -1 && errno == EFAULT);
  int before = handled;
  raise(SIGUSR1);
  CHECK_EQUAL(handled, before + 1);
  CHECK(isOwn(frameRIP));
  signal(SIGUSR1, SIG_IGN);
}

// One thread sets and takes away a handler, another is sent the signal all the time.
static atomic_int isOver;

static void *sendAll(void *target) {
  while (!isOver) pthread_kill(*(pthread_t *)target, SIGUSR2);
  return NULL;
}

static void *toggleAll(void *unused) {
  struct sigaction caught = {.sa_sigaction = note, .sa_flags = SA_SIGINFO}, ignored = {.sa_handler = SIG_IGN};
  for (int i = 0; i < 3000; i++) sigaction(SIGUSR2, i & 1 ? &caught : &ignored, NULL);
  isOver = 1;
  return unused;
}

static void toggledHandler(void) {
  signal(SIGUSR2, SIG_IGN);
  pthread_t self = pthread_self(), sender, toggler;
  CHECK(pthread_create(&sender, NULL, sendAll, &self) == 0 && pthread_create(&toggler, NULL, toggleAll, NULL) == 0);
  volatile uint64_t words[256];
  int wrong = 0;
  for (int i = 0; i < 256; i++) words[i] = i;
  while (!isOver)
    for (int i = 0; i < 256; i++) wrong += words[i] != (uint64_t)i;
  CHECK(pthread_join(sender, NULL) == 0 && pthread_join(toggler, NULL) == 0);
  CHECK_EQUAL(wrong, 0);
  signal(SIGUSR2, SIG_IGN);
}

// Calls that a filter refuses by a signal have not been made.
long refused(long number, long a, long b, long c);
extern char behindRefused[];
__asm__("refused: mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov $8, %r10d\n syscall\nbehindRefused: ret\n");

static void answer(int number, siginfo_t *info, void *context) {
  (void)number;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  CHECK_EQUAL(info->si_call_addr, behindRefused);
  CHECK_EQUAL(registers[REG_RIP], behindRefused);
  CHECK_EQUAL(registers[REG_RAX], info->si_syscall);
  registers[REG_RAX] = -77;
}

static int trapped(void) {
  struct sigaction onSystemCall = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
  struct sigaction caught = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &onSystemCall, NULL);
  sigaction(SIGUSR1, &caught, NULL);
  unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, "\xb8\x07\x00\x00\x00\xc3", 6);
  CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
  CHECK_EQUAL(((int (*)(void))code)(), 7);
#define TRAP(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
  struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 TRAP(SYS_getppid), TRAP(SYS_rt_sigaction), TRAP(SYS_munmap), TRAP(SYS_mmap),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  CHECK_EQUAL(refused(SYS_getppid, 0, 0, 0), -77);
  struct action ignore = {(void *)SIG_IGN, 0, NULL, 0};
  CHECK_EQUAL(refused(SYS_rt_sigaction, SIGUSR1, (long)&ignore, 0), -77);
  int before = handled;
  raise(SIGUSR1);
  CHECK_EQUAL(handled, before + 1);
  CHECK(isOwn(frameRIP));
  CHECK_EQUAL(refused(SYS_munmap, (long)code, 4096, 0), -77);
  CHECK_EQUAL(((int (*)(void))code)(), 7);
  CHECK_EQUAL(refused(SYS_mmap, 0, 4096, 3), -77);
  return checksFailed != 0;
}

static int first(void) {
  CHECK(kill(getpid(), SIGTERM) == 0);
  struct sigaction caught = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &caught, NULL);
  int before = handled;
  raise(SIGUSR1);
  CHECK_EQUAL(handled, before + 1);
  pthread_t thread;
  isOver = 1;
  CHECK(pthread_create(&thread, NULL, sendAll, NULL) == 0 && pthread_join(thread, NULL) == 0);
  return checksFailed != 0;
}

static void inChild(int (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int result = body();
    fflush(stdout);
    _exit(result);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

static int firstOfNamespace(void) {
  if (unshare(CLONE_NEWPID | (getuid() ? CLONE_NEWUSER : 0)) == 0) {
    inChild(first);
  } else {
    printf("no pid namespace of its own: %s\n", strerror(errno));
    CHECK(getuid() != 0);
  }
  return checksFailed != 0;
}

int main(void) {
  ignoredSignals(SIGWINCH);
  signal(SIGUSR1, SIG_IGN);
  ignoredSignals(SIGUSR1);
  oldActionUnwritable();
  toggledHandler();
  inChild(trapped);
  inChild(firstOfNamespace);
  return verdict();
}
