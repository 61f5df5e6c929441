// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Glibc

/// An eventfd that counts: readable while its count is over zero.
struct EventCounter: ~Copyable, Sendable {
  let descriptor: Int32

  init() throws(WorldError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
    if descriptor < 0 { throw .failed(call: "eventfd", errno: errno) }
  }

  deinit { close(descriptor) }

  func raise() {
    let result = eventfd_write(descriptor, 1)
    precondition(result == 0, "eventfd_write fails only when 2^64 - 2 events wait")
  }

  /// Takes one from the count; nothing happens at zero.
  func lower() {
    var value: eventfd_t = 0
    _ = eventfd_read(descriptor, &value)
  }

  func waitUntilRaised() {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, -1) < 0 && errno == EINTR {}
  }
}
