// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Discarding the cache while several threads run. The sequence of events: docs/sequences/flush.md.
extension Tracer {
  /// Stops all threads, discards, and lets them go on as they were about to.
  ///
  /// `asker`: whose request it was.
  func discardWorld(_ kind: Discard, for asker: ThreadID) {
    halt()
    guard !isFinished else { return }
    discard(kind, for: asker)
    resumeAsPlanned(threads.keys.sorted())
  }

  /// Makes room while one thread is being placed. Others that ran go on.
  func makeRoom(_ kind: Discard) {
    let wasStopped = isStopped
    let standing = Set(threads.filter { $0.value.state == .canonical }.keys)
    halt()
    guard !isFinished else { return }
    discard(kind, for: nil)
    // Among them may be some that were made while the others stopped.
    if !wasStopped { resumeAsPlanned(threads.keys.filter { !standing.contains($0) }.sorted()) }
  }

  /// All threads stand in canonical state. What cannot be moved is discarded at least.
  func discard(_ kind: Discard, for asker: ThreadID?) {
    do throws(GuestError) {
      switch kind {
      case .flush, .collect: discardFragments(kind)
      case .arenas: try discardArenas()
      case .relocate: try relocate(to: nil)
      }
    } catch {
      trace("\(error)")
      guard !isFinished, let engine else { return }
      if kind == .relocate { engine.lock.locked { engine.immovable = asker } }
      discardFragments(kind)
    }
  }

  private func discardFragments(_ kind: Discard) {
    guard let engine else { return }
    mendFloatingPoint()
    engine.lock.locked { engine.discard(kind == .collect ? .collect : .flush) }
    trace("\(kind) with \(threads.count) threads")
  }

  /// Lets threads that are canonical go on with what they were told at the last resume.
  func resumeAsPlanned(_ these: [ThreadID]) {
    isStopped = false
    for thread in these {
      guard let state = threads[thread], state.state == .canonical, !state.isHeld, !state.isExiting
      else { continue }
      if let reason = state.untold {
        threads[thread]?.untold = nil
        stopWorld(thread, reason)
      } else if case .signal(let signal)? = state.pending {
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
    var registers = state.registers.general
    rewindCall(thread, &registers)
    switch state.action.kind {
    case .stay: break
    case .run:
      // Natively it would still be in the call that it makes again: a breakpoint there has been met.
      if registers.rip != state.registers.general.rip { threads[thread]?.toldBreakpoint = UInt64(registers.rip) }
      start(thread, ResumePlan.Action(.run))
    case .step, .stepWithin:
      // It may have made its step, which nobody has looked at yet. A call that is to be made again it has
      // not made.
      if let start = state.stepStart, start != UInt64(registers.rip) {
        finishStep(thread)
      } else {
        step(thread)
      }
    }
  }

  /// The processor remembers where the last x87 instruction stood, in the cache. While its fragment is
  /// there to tell, the original address is put in its place.
  func mendFloatingPoint() {
    guard let engine,
      engine.lock.locked({ engine.translator.pointee.hasFloatingPoint })
    else { return }
    for thread in threads.keys where threads[thread]?.state == .canonical {
      guard let pointer = control.floatingPointPointer(thread), pointer != 0,
        let original = engine.lock.locked({ engine.originalInstruction(at: pointer) })
      else { continue }
      control.setFloatingPointPointer(thread, original)
    }
  }
}
