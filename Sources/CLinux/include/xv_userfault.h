// SPDX-License-Identifier: GPL-3.0-only
// Write protection of another process's pages by userfaultfd(2). Each returns 0 or -errno if not said
// otherwise.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct xv_write_fault {
  uint64_t address;
  /// The thread that waits, in its own pid namespace (fs/userfaultfd.c, userfault_msg).
  pid_t thread;
};

/// The descriptor `fd` of a thread's process, as a descriptor of the caller's; or -errno.
int xv_take_descriptor(pid_t thread, pid_t process, int fd);
/// Opens the dialogue with a new userfaultfd; an error where the kernel cannot protect or cannot name threads.
int xv_userfault_begin(int fd);
int xv_userfault_register(int fd, uint64_t start, uint64_t length);
/// Nothing of a range is protected any more, and its mappings merge with their neighbours again.
int xv_userfault_unregister(int fd, uint64_t start, uint64_t length);
/// Write-protects pages, or lets writes through again, which wakes the threads that wait.
int xv_userfault_protect(int fd, uint64_t start, uint64_t length, int protect);
int xv_userfault_wake(int fd, uint64_t start, uint64_t length);
/// 1 when a fault was read, 0 when none waits.
int xv_userfault_next(int fd, struct xv_write_fault *fault);
