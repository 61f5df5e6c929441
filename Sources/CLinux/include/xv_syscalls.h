// SPDX-License-Identifier: GPL-3.0-only
// What Swift cannot call because it is variadic or a macro. Each returns -errno on failure, so that
// nothing can run between the failing call and the reading of errno.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Any system call of which the caller knows that it touches no memory but what is named.
long xv_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
long xv_ptrace(int request, pid_t thread, uintptr_t address, uintptr_t data);
long xv_futex_wait(const uint32_t *word, uint32_t expected, long timeout_nanoseconds);
long xv_futex_wake(const uint32_t *word);
long xv_waitpid(pid_t pid, int *status, int options);
/// Whether the next that the kernel has to tell of a traced thread is its end, or the stop before it. Takes nothing.
int xv_is_ending(pid_t thread);
/// Whether two processes have one address space: kcmp(2), KCMP_VM. 0 also when the kernel does not say.
int xv_share_memory(pid_t one, pid_t other);
long xv_tgkill(pid_t process, pid_t thread, int signal);
int xv_open(const char *path, int flags, int mode);
/// prlimit(2) with the two words of a limit, soft and hard; null for what is not to be done. 0 or -errno.
int xv_prlimit(pid_t pid, int resource, const uint64_t *limit, uint64_t *old);
/// Whether a path is of some process's /proc/PID/mem: of procfs's files of processes the one that its owner alone may read and
/// write (fs/proc/base.c, tgid_base_stuff).
int xv_is_memory_file(const char *path);
long xv_read_remote(pid_t pid, uint64_t remote, void *local, size_t count);
/// Reads pages that follow each other, and some bytes behind them, to places `stride` bytes apart; at most 16 pages.
long xv_read_remote_pages(pid_t pid, uint64_t remote, void *local, size_t pages, size_t stride, size_t behind);
long xv_write_remote(pid_t pid, uint64_t remote, const void *local, size_t count);
/// 0 when unsupported; otherwise the size of the standard-format XSAVE area for the features in XCR0.
uint32_t xv_xsave_area_size(void);
/// Which of these the processor has (CPUID leaf 7).
enum { XV_HAS_RDPID = 1, XV_HAS_BMI2 = 2 };
unsigned xv_processor_features(void);
/// Whether the processor is AMD's or Hygon's.
int xv_is_amd(void);
/// Moves the calling thread off one processor if others are allowed. Only a push: it may come back.
void xv_leave_processor(int processor);
/// Lowers the nice value of the calling thread (each has its own, setpriority(2)) by so many levels if it may:
/// CAP_SYS_NICE or RLIMIT_NICE. Returns by how many it has.
int xv_take_precedence(int levels);
/// How many processors the calling thread may use.
int xv_allowed_processors(void);

static inline void xv_pause(void) { __builtin_ia32_pause(); }
/// What is at `p` will be read soon; it need not be mapped.
static inline void xv_prefetch(const void *p) { __builtin_prefetch(p); }
static inline uint64_t xv_rdtsc(void) { return __builtin_ia32_rdtsc(); }
static inline uint32_t xv_load32(const volatile uint32_t *p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void xv_store32(volatile uint32_t *p, uint32_t v) {
  __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
/// Sequentially consistent exchange: a full barrier on x86.
static inline uint32_t xv_exchange32(volatile uint32_t *p, uint32_t v) {
  return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
/* A store before it is seen by everybody before a load behind it reads. */
static inline void xv_full_barrier(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void xv_store64(volatile uint64_t *p, uint64_t v) {
  __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline int xv_wifexited(int s) { return (s & 0x7f) == 0; }
static inline int xv_wifsignaled(int s) { return ((signed char)((s & 0x7f) + 1) >> 1) > 0; }
static inline int xv_wifstopped(int s) { return (s & 0xff) == 0x7f; }
