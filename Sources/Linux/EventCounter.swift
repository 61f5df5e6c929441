// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc

/// An eventfd that counts: readable while its count is over zero.
package struct EventCounter: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  package init() throws(DescriptorError) {
    let (number, code) = makeEventDescriptor()
    guard number >= 0 else { throw DescriptorError(errno: code) }
    owned = OwnedDescriptor(owning: number)
  }

  /// The kernel's number, for poll.
  package var descriptor: Int32 { owned.number }

  package func raise() {
    let result = eventfd_write(descriptor, 1)
    precondition(result == 0, "eventfd_write fails only when 2^64 - 2 events wait")
  }

  /// Takes one from the count; nothing happens at zero.
  package func lower() { _ = tryLower() }

  /// Takes one from the count; false at zero.
  package func tryLower() -> Bool {
    var value: eventfd_t = 0
    return eventfd_read(descriptor, &value) == 0
  }

  package func waitUntilRaised() {
    while pollOnce() < 0 && errno == EINTR {}
  }

  @inline(never)
  private func pollOnce() -> Int32 {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, -1)
  }
}

// Alone in a function that is never inlined, as errno must be read before anything else runs.
@inline(never)
private func makeEventDescriptor() -> (Int32, Int32) {
  let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
  return (number, number < 0 ? errno : 0)
}
