// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Discarding the cache while several threads run. The sequence of events: docs/sequences/flush.md.
extension Tracer {
  /// Stops all threads, discards the cache, and lets them go on as they were about to.
  func flushWorld() {
    halt()
    guard !isFinished, let engine else { return }
    engine.lock.locked { engine.flush() }
    trace("flush with \(threads.count) threads")
    resumeAsPlanned()
  }

  /// Lets every canonical thread go on with what it was told at the last resume.
  private func resumeAsPlanned() {
    isStopped = false
    for thread in threads.keys.sorted() {
      guard let state = threads[thread], state.state == .canonical else { continue }
      if case .signal(let signal)? = state.pending {
        // It came while the threads were being stopped.
        threads[thread]?.pending = nil
        take(signal, by: thread)
      } else if state.watchHit != nil {
        stopWorld(thread, .stepped)
      } else {
        goOn(thread)
      }
      // A signal was told to the debugger, and all stand still again.
      if isStopped || isFinished { return }
    }
  }

  private func goOn(_ thread: ThreadID) {
    guard let state = threads[thread] else { return }
    switch state.action.kind {
    case .stay: break
    case .run: start(thread, ResumePlan.Action(.run))
    case .step, .stepWithin: step(thread)
    }
  }
}
