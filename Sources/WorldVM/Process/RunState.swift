// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
internal import RSP
import Synchronization
package import XVCore

/// Whether a world runs, in which incarnation, why it last stopped, and whether it may run.
///
/// Safe from any thread. Its lock is held for a few instructions only and never across a call into
/// the guest, so the tracer thread may tell a stop while another thread waits for the tracer.
package final class RunState: Sendable {
  private struct State {
    var incarnation = Incarnation.first
    var isRunning = false
    /// Threads stop one by one: nothing that was read holds.
    var isNonStop = false
    var lockCount = 0
    var lastStop: StopEvent?
    /// Stops that `takeStop` has not handed out; `stopped` counts them.
    var waiting: [StopEvent] = []
    /// Why the world is of no use any more; nil while it is of some.
    var invalidity: String?
  }

  private let state: Mutex<State>
  private let stopped: EventCounter
  /// Holds a count once the world is invalid.
  private let invalid: Cancellation
  /// Holds a count while the lock count is zero, so that a `go` can wait for it in poll.
  private let unlocked: EventCounter

  /// A world that stands still.
  package init(in incarnation: Incarnation = .first) throws(WorldError) {
    state = Mutex(State(incarnation: incarnation))
    do throws(DescriptorError) {
      stopped = try EventCounter()
      invalid = try Cancellation()
      unlocked = try EventCounter()
    } catch {
      throw .failed(call: "eventfd", errno: error.errno)
    }
    unlocked.raise()
  }

  package var incarnation: Incarnation { state.withLock { $0.incarnation } }
  package var isRunning: Bool { state.withLock { $0.isRunning || $0.isNonStop } }
  package var isNonStop: Bool { state.withLock { $0.isNonStop } }
  /// From now on threads run and stand still side by side, or all do the same again: they stand still.
  package func setNonStop(_ isWanted: Bool) {
    state.withLock { state in
      state.isNonStop = isWanted
      state.isRunning = false
    }
  }

  /// Nil while the world runs.
  package var lastStop: StopEvent? { state.withLock { $0.isRunning ? nil : $0.lastStop } }
  /// Readable while a stop waits to be taken.
  package var stopDescriptor: Int32 { stopped.descriptor }

  // MARK: Validity
  /// Every later use throws `.badWorld` with the first reason that was given.
  package func invalidate(because reason: String) {
    state.withLock { state in
      guard state.invalidity == nil else { return }
      state.invalidity = reason
      invalid.cancel()
      // Whoever waits in `waitUntilUnlocked` must see it.
      if state.lockCount > 0 { unlocked.raise() }
    }
  }

  /// Throws `.badWorld` once the world was invalidated.
  package func requireValid() throws(WorldError) {
    if let reason = state.withLock({ $0.invalidity }) { throw .badWorld(reason) }
  }

  /// Waits for a stop that was not taken yet, and takes it.
  package func awaitStop() throws(WorldError) -> StopEvent {
    while true {
      try requireValid()
      if let stop = takeStop() { return stop }
      do throws(ClientError) {
        try Patience(cancellations: [Cancellation.current, invalid]).wait(for: stopDescriptor)
      } catch {
        try requireValid()
        throw .cancelled
      }
    }
  }

  // MARK: Lock count
  /// A world that runs already goes on until its next stop; it does not go again before `unlock`.
  package func lock() {
    state.withLock { state in
      state.lockCount += 1
      if state.lockCount == 1 { unlocked.lower() }
    }
  }

  package func unlock() {
    state.withLock { state in
      precondition(state.lockCount > 0, "unlock of a world that is not locked")
      state.lockCount -= 1
      if state.lockCount == 0 { unlocked.raise() }
    }
  }

  /// Returns when the lock count was zero at some moment, or the world has become invalid.
  package func waitUntilUnlocked() throws(WorldError) {
    let patience = Patience()
    do throws(ClientError) {
      try patience.wait(for: unlocked.descriptor)
    } catch {
      throw .cancelled
    }
  }

  // MARK: Running
  /// Marks the world as running in its next incarnation; false when somebody holds a lock.
  package func tryGo() throws(WorldError) -> Bool {
    try state.withLock { (state: inout State) throws(WorldError) -> Bool in
      if let reason = state.invalidity { throw .badWorld(reason) }
      if state.isRunning, !state.isNonStop { throw .running }
      guard state.lockCount == 0 else { return false }
      state.isRunning = true
      state.incarnation = state.incarnation.next
      return true
    }
  }

  /// It stands still, and somebody else may have let it run meanwhile: nothing that was read holds.
  package func renew() { state.withLock { $0.incarnation = $0.incarnation.next } }

  /// The world did not go after all: it stands where it stood.
  package func failToGo() { state.withLock { $0.isRunning = false } }

  /// The stop at which the world was found; `lastStop` tells it, `takeStop` does not.
  package func find(at stop: StopEvent) { state.withLock { $0.lastStop = stop } }

  /// Called once for each `go`, from any thread, when the world stands still again.
  package func post(_ stop: StopEvent) {
    state.withLock { state in
      state.isRunning = false
      state.lastStop = stop
      state.waiting.append(stop)
      stopped.raise()
    }
  }

  /// The world was ended from here: nobody waits to be told, of this or of an earlier stop.
  package func end(with stop: StopEvent) {
    state.withLock { state in
      state.isRunning = false
      state.lastStop = stop
      for _ in state.waiting { stopped.lower() }
      state.waiting = []
    }
  }

  /// Whose stops were not taken.
  package var threadsWithStops: Set<ThreadID> {
    state.withLock { Set($0.waiting.map(\.thread)) }
  }

  /// The oldest stop that was not taken, or nil.
  package func takeStop() -> StopEvent? {
    state.withLock { state in
      guard !state.waiting.isEmpty else { return nil }
      stopped.lower()
      return state.waiting.removeFirst()
    }
  }
}
