// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Threads that stop and go on one by one. The sequence of events: docs/sequences/threads.md.
extension Tracer {
  /// Changes between stops of all threads and stops of each; all stand still when it is the former.
  func setNonStop(_ isWanted: Bool) {
    guard isWanted != isNonStop else { return }
    snapshot.forget()
    if isWanted {
      isNonStop = true
      isStopped = false
    } else {
      halt()
      isNonStop = false
      for thread in threads.keys where isDebugged(thread) {
        threads[thread]?.action = ResumePlan.Action(.stay)
      }
    }
  }

  /// Tells the stop of one thread; the others run on.
  func stopAlone(_ thread: ThreadID, _ reason: StopReason) {
    bringToStop(thread)
    guard !isFinished else { return }
    let reason = reasonWithOwnHit(thread, reason)
    if reason == .breakpoint, let state = threads[thread] {
      threads[thread]?.toldBreakpoint = UInt64(state.registers.general.rip)
    }
    let owner = threads[thread]?.processID ?? process
    threads[thread]?.action = ResumePlan.Action(.stay)
    tell(owner, StopEvent(thread: thread, reason: reason))
  }

  private func bringToStop(_ thread: ThreadID) {
    guard let state = threads[thread], state.state != .canonical else { return }
    let known = Set(threads.keys)
    isStopping = true
    if state.state == .running { control.interrupt(thread) }
    waitForStop(of: thread)
    isStopping = false
    // It may have made a thread on the way, which was kept from running.
    if !isFinished { resumeAsPlanned(threads.keys.filter { !known.contains($0) }.sorted()) }
  }

  /// Stops one thread because a debugger asks. What else stops it at this moment is told instead.
  func stop(_ thread: ThreadID) {
    guard isNonStop, let state = threads[thread], !state.isHeld, !state.isExiting else { return }
    bringToStop(thread)
    // One that ends has no stop to tell.
    guard !isFinished, let stopped = threads[thread], !stopped.isExiting else { return }
    if case .signal(let signal)? = stopped.pending {
      threads[thread]?.pending = nil
      take(signal, by: thread)
    } else if let event = takePending(ofThread: thread) {
      stopAlone(thread, event.reason)
    } else {
      stopAlone(thread, stopped.watchHit == nil ? .interrupted : .stepped)
    }
  }

  /// Starts those threads that are held and are to go on.
  func resumeEach(_ plan: ResumePlan, of process: Int32) {
    for thread in threads.keys.sorted() {
      guard let state = threads[thread] else { continue }
      let isConcerned = state.processID == process && isDebugged(thread)
      // What no debugger knows of runs whenever it can.
      let action =
        isConcerned ? plan.threads[thread] ?? plan.others
        : isDebugged(thread) ? ResumePlan.Action(.stay) : ResumePlan.Action(.run)
      guard action.kind != .stay, state.isHeld || !isConcerned else { continue }
      if isConcerned, let event = takePending(ofThread: thread) {
        if action.signal != 0 { threads[thread]?.owedSignal = action.signal }
        tell(process, event)
        continue
      }
      threads[thread]?.action = action
      guard state.state == .canonical else { continue }
      setDebugRegisters(thread)
      start(thread, action)
      if isFinished { return }
    }
  }

  /// Runs `body` while no thread runs; those that ran go on as they were about to.
  func quietly<Value>(_ body: () throws(GuestError) -> Value) throws(GuestError) -> Value {
    guard !isStopped else { return try body() }
    halt()
    guard !isFinished else { throw .gone }
    defer {
      applyCheckedWatchpoints()
      let going = threads.filter { !$0.value.isHeld }.keys.sorted()
      for thread in going where threads[thread]?.state == .canonical { setDebugRegisters(thread) }
      resumeAsPlanned(going)
    }
    return try body()
  }

  // MARK: Ends

  /// A thread is gone and its process is not.
  ///
  /// `isTold`: the debugger wants to know of the end of this one.
  func threadEnded(_ thread: ThreadID, _ reason: StopReason, isTold: Bool) {
    guard isDebugged else { return }
    if isTold || toldEvents.threads, case .exited(let status) = reason {
      let event = StopEvent(thread: thread, reason: .threadExited(status))
      if isStopped || isStopping {
        untoldEnds.append(event)
      } else if isNonStop {
        tell(process, event)
      } else {
        stopWorld(thread, event.reason)
      }
      return
    }
    let left = threads.filter { $0.value.processID == process && !$0.value.isExiting }
    // While one goes on there will be a stop. A debugger would wait for it in vain.
    guard !isStopped, !isStopping, !isNonStop, !left.isEmpty,
      left.allSatisfy({ $0.value.isHeld })
    else { return }
    stopWorld(left.keys.min() ?? ThreadID(process), .noneResumed)
  }
}

extension Guest {
  /// Has threads stop and go on one by one, or all of them at once.
  package func setNonStop(_ isWanted: Bool) {
    _ = withTracer { $0.setNonStop(isWanted) }
  }

  /// Stops a thread that runs, where threads stop one by one; the stop comes through `onStop`.
  package func stop(_ thread: ThreadID) {
    _ = withTracer { $0.stop(thread) }
  }

  /// Those threads that stand still at the debugger's word. The stop of each was handed to `onStop` before.
  package var heldThreads: Set<ThreadID> {
    withTracer { [pid] tracer in
      let own = tracer.threads.filter { $0.value.processID == pid }
      return Set(own.filter { tracer.isStopped || $0.value.isHeld }.keys)
    } ?? []
  }
}
