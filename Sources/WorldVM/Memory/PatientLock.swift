// SPDX-License-Identifier: GPL-3.0-only
import Glibc
internal import Linux
import Synchronization

/// A lock whose waiters can be cancelled: its holder may wait for another machine for ever.
///
/// First come, first served. Nobody who finds it free makes a call to the kernel.
final class PatientLock<State>: @unchecked Sendable {
  private struct Queue {
    var isHeld = false
    var waiters: [Waiter] = []
  }

  private final class Waiter: Sendable {
    let turn: EventCounter
    init() throws(DescriptorError) { turn = try EventCounter() }
  }

  private let queue = Mutex(Queue())
  // Touched by the holder only.
  private var state: State

  init(_ state: State) { self.state = state }

  /// Throws `.cancelled` when the caller's cancellation comes before its turn.
  func withLock<Result>(
    _ body: (inout State) throws(WorldError) -> Result
  ) throws(WorldError) -> Result {
    try acquire(Cancellation.current)
    defer { release() }
    return try body(&state)
  }

  /// For what must be done, however long it takes.
  func withLockAlways<Result>(_ body: (inout State) -> Result) -> Result {
    // Only want of descriptors can fail here, which is not a lock's to heal.
    while true {
      do throws(WorldError) {
        try acquire(nil)
        break
      } catch {
        sched_yield()
      }
    }
    defer { release() }
    return body(&state)
  }

  /// Nil, and nothing done, when somebody holds it.
  func withLockIfFree<Result>(_ body: (inout State) -> Result) -> Result? {
    let isFree = queue.withLock { queue in
      defer { queue.isHeld = true }
      return !queue.isHeld
    }
    guard isFree else { return nil }
    defer { release() }
    return body(&state)
  }

  private func acquire(_ cancellation: Cancellation?) throws(WorldError) {
    let waiter: Waiter?
    do throws(DescriptorError) {
      waiter = try queue.withLock { (queue: inout Queue) throws(DescriptorError) -> Waiter? in
        guard queue.isHeld else {
          queue.isHeld = true
          return nil
        }
        let waiter = try Waiter()
        queue.waiters.append(waiter)
        return waiter
      }
    } catch {
      throw .failed(call: "eventfd", errno: error.errno)
    }
    guard let waiter, !wait(for: waiter, cancellation) else { return }
    let wasWaiting = queue.withLock { queue in
      guard let index = queue.waiters.firstIndex(where: { $0 === waiter }) else { return false }
      queue.waiters.remove(at: index)
      return true
    }
    // Its turn came meanwhile: the next one's then.
    if !wasWaiting { release() }
    throw .cancelled
  }

  /// False when it was cancelled.
  private func wait(for waiter: Waiter, _ cancellation: Cancellation?) -> Bool {
    var entries = [
      pollfd(fd: waiter.turn.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: cancellation?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&entries, 2, -1) < 0 {}
    return entries[1].revents == 0
  }

  private func release() {
    queue.withLock { queue in
      if queue.waiters.isEmpty {
        queue.isHeld = false
      } else {
        queue.waiters.removeFirst().turn.raise()
      }
    }
  }
}
