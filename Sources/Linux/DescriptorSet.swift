// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc

/// An epoll instance: readable while one of its members is.
package struct DescriptorSet: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  package init() throws(DescriptorError) {
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard number >= 0 else { throw DescriptorError(errno: errno) }
    owned = OwnedDescriptor(owning: number)
  }

  /// The kernel's number, for poll.
  package var descriptor: Int32 { owned.number }

  /// A negative descriptor is never readable and is passed over.
  package func insert(_ member: Int32) {
    guard member >= 0 else { return }
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: member))
    let result = epoll_ctl(descriptor, EPOLL_CTL_ADD, member, &event)
    precondition(result == 0 || errno == EEXIST, "epoll_ctl failed: \(errno)")
  }

  /// Before the member is closed.
  package func remove(_ member: Int32) {
    guard member >= 0 else { return }
    var event = epoll_event()
    _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, member, &event)
  }
}
