// SPDX-License-Identifier: GPL-3.0-only
#include "CLinux.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

int xv_take_descriptor(pid_t thread, pid_t process, int fd) {
  // O_EXCL is PIDFD_THREAD (Linux 6.9): a thread may have a table of descriptors of its own.
  int handle = (int)syscall(SYS_pidfd_open, thread, O_EXCL);
  if (handle < 0) handle = (int)syscall(SYS_pidfd_open, process, 0);
  if (handle < 0) return -errno;
  int taken = (int)syscall(SYS_pidfd_getfd, handle, fd, 0);
  int error = errno;
  close(handle);
  return taken < 0 ? -error : taken;
}

static int control(int fd, unsigned long request, void *argument) {
  int result;
  // EAGAIN: a fork or a mapping call of the process is under way (fs/userfaultfd.c, mmap_changing).
  do {
    result = ioctl(fd, request, argument);
  } while (result < 0 && errno == EAGAIN);
  return result < 0 ? -errno : 0;
}

int xv_userfault_begin(int fd) {
  struct uffdio_api api = {.api = UFFD_API,
                           .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID};
  return control(fd, UFFDIO_API, &api);
}

int xv_userfault_register(int fd, uint64_t start, uint64_t length) {
  struct uffdio_register area = {.range = {start, length}, .mode = UFFDIO_REGISTER_MODE_WP};
  return control(fd, UFFDIO_REGISTER, &area);
}

int xv_userfault_unregister(int fd, uint64_t start, uint64_t length) {
  struct uffdio_range range = {start, length};
  return control(fd, UFFDIO_UNREGISTER, &range);
}

int xv_userfault_protect(int fd, uint64_t start, uint64_t length, int protect) {
  struct uffdio_writeprotect pages = {.range = {start, length},
                                      .mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0};
  return control(fd, UFFDIO_WRITEPROTECT, &pages);
}

int xv_userfault_wake(int fd, uint64_t start, uint64_t length) {
  struct uffdio_range range = {start, length};
  return control(fd, UFFDIO_WAKE, &range);
}

int xv_userfault_next(int fd, struct xv_write_fault *fault) {
  struct uffd_msg message;
  while (read(fd, &message, sizeof message) == sizeof message) {
    if (message.event != UFFD_EVENT_PAGEFAULT) continue;
    fault->address = message.arg.pagefault.address;
    fault->thread = (pid_t)message.arg.pagefault.feat.ptid;
    return 1;
  }
  return 0;
}
