// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
package import Linux

/// How long a caller waits for a server, and what ends its wait earlier.
package struct Patience: Sendable {
  private let deadline: ContinuousClock.Instant?
  /// Descriptors that become readable when the caller does not want it any more.
  private let interrupters: [Int32]
  /// Keeps their owners.
  private let cancellations: [Cancellation]

  /// Without a timeout: for ever.
  package init(timeout: Duration? = nil, cancellations: [Cancellation?] = [Cancellation.current]) {
    deadline = timeout.map { ContinuousClock.now + $0 }
    self.cancellations = cancellations.compactMap { $0 }
    interrupters = self.cancellations.map(\.descriptor)
  }

  package enum Direction: Sendable { case input, output }

  /// Returns when the descriptor is ready, or closed or broken, which the call that follows will tell.
  package func wait(
    for descriptor: Int32, _ direction: Direction = .input
  ) throws(ClientError) {
    let events = direction == .input ? POLLIN : POLLOUT
    var entries = [pollfd(fd: descriptor, events: Int16(events), revents: 0)]
    entries += interrupters.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      let result = poll(&entries, nfds_t(entries.count), milliseconds)
      // Whoever does not want it any more shall not have it, even if it has come.
      if result > 0, entries.dropFirst().contains(where: { $0.revents != 0 }) { throw .cancelled }
      if result > 0 { return }
      if result == 0 { throw .timedOut }
    }
  }

  /// Sleeps; only a deadline or a cancellation throws.
  package func sleep(_ duration: Duration) throws(ClientError) {
    let pause = Patience(timeout: duration, cancellations: cancellations)
    do throws(ClientError) {
      try pause.wait(for: -1)
    } catch {
      guard error == .timedOut else { throw error }
    }
    if let deadline, deadline <= .now { throw .timedOut }
  }

  /// As poll wants it, rounded up.
  private var milliseconds: Int32 {
    guard let deadline else { return -1 }
    let rest = deadline - .now
    if rest <= .zero { return 0 }
    let (seconds, attoseconds) = rest.components
    let whole = seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
    return Int32(clamping: whole)
  }
}
