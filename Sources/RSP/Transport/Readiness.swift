// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc

/// Waits until one of a few descriptors can be read (or written, where that is asked for), is closed by
/// its peer, or is broken.
package struct Readiness: ~Copyable {
  private var entries: [pollfd]

  package init(_ descriptors: [Int32]) {
    entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  }

  /// Adds one that is to be waited for until it can be written; its index follows the last one's.
  package mutating func append(_ descriptor: Int32, forWriting: Bool) {
    let events = Int16(forWriting ? POLLOUT : POLLIN)
    entries.append(pollfd(fd: descriptor, events: events, revents: 0))
  }

  /// Watches another descriptor at an index; one below zero is never ready.
  package mutating func replace(_ index: Int, with descriptor: Int32) {
    entries[index].fd = descriptor
  }

  /// Returns when at least one descriptor is ready.
  ///
  /// What children do is for other threads to hear: a program that is debugged would wake this one each
  /// time that it stops.
  package mutating func wait() {
    var children = sigset_t()
    sigemptyset(&children)
    sigaddset(&children, SIGCHLD)
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &children, &before)
    while poll(timeoutMilliseconds: -1) < 0 {}
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// The same, for so long at most.
  package mutating func wait(atMost duration: Duration) {
    let (seconds, attoseconds) = duration.components
    // Interrupted by a signal it is over early.
    _ = poll(timeoutMilliseconds: Int32(clamping: max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000)))
  }

  /// Whether the descriptor at an index was found readable (or writable, or closed, which a read will
  /// tell).
  package func isReadable(_ index: Int) -> Bool { entries[index].revents != 0 }

  /// The same, asked now.
  package mutating func isReadableNow(_ index: Int) -> Bool {
    _ = poll(timeoutMilliseconds: 0)
    return isReadable(index)
  }

  // A signal's handler makes the wakeup descriptor readable, so an interrupted wait is tried again.
  private mutating func poll(timeoutMilliseconds: Int32) -> Int32 {
    Glibc.poll(&entries, nfds_t(entries.count), timeoutMilliseconds)
  }
}
