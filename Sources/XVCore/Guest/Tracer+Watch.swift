// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Watchpoints by the processor's debug registers; for the others `Tracer+Check`. What can come between an access and its stop:
/// docs/sequences/watchpoints.md.
extension Tracer {
  func insertWatchpoint(_ watchpoint: Watchpoint) throws(GuestError) {
    guard watchpoints.insert(watchpoint, mayUseRegisters: !options.torture.watch) else {
      throw .system(call: "watching memory", errno: ENOSPC)
    }
    // One thread tells whether the kernel takes it; the others get it when they are resumed.
    let stopped = threads.first { $0.value.processID == process && $0.value.state == .canonical }
    if let thread = stopped?.key, !setDebugRegisters(thread) {
      _ = watchpoints.remove(watchpoint)
      throw .system(call: "setting a debug register", errno: EINVAL)
    }
  }

  func removeWatchpoint(_ watchpoint: Watchpoint) -> Bool { watchpoints.remove(watchpoint) }

  /// Brings a stopped thread's debug registers to what is wanted now; false when the kernel refuses.
  ///
  /// New threads begin without any, and vfork children stay so: a debugger that does not follow them
  /// takes its watchpoints away from them.
  @discardableResult
  func setDebugRegisters(_ thread: ThreadID) -> Bool {
    guard let state = threads[thread], state.processID == process,
      state.debugRegisters != watchpoints.registers
    else { return true }
    let isDone = control.setDebugRegisters(thread, watchpoints.registers)
    threads[thread]?.debugRegisters = isDone ? watchpoints.registers : nil
    return isDone
  }

  func clearDebugRegisters(_ thread: ThreadID) {
    guard let state = threads[thread], state.debugRegisters != DebugRegisters() else { return }
    _ = control.setDebugRegisters(thread, DebugRegisters())
    threads[thread]?.debugRegisters = DebugRegisters()
  }

  // MARK: Hits

  /// The registers that have met the access because of which a running thread stands before a SIGTRAP;
  /// nil when it is for something else.
  func takeMetRegisters(_ thread: ThreadID) -> UInt8? {
    let hardwareBreakpoint: Int32 = 4  // TRAP_HWBKPT
    guard let state = threads[thread], state.state == .running,
      state.debugRegisters != DebugRegisters(),
      let information = control.signalInformation(thread),
      word32(information, 8) == hardwareBreakpoint
    else { return nil }
    let met = control.takeDebugStatus(thread)
    return met == 0 ? nil : met
  }

  /// A thread in the cache has made an access that met debug registers.
  func accessed(_ thread: ThreadID, _ met: UInt8) {
    switch place(ofAccess: thread) {
    case .step:
      note(thread, met, by: accessingInstruction(thread))
      control.resume(thread, signal: 0)
    case .behindCall: control.resume(thread, signal: 0)
    case .behind:
      let instruction = accessingInstruction(thread)
      canonicalize(thread)
      note(thread, met, by: instruction)
      finishStep(thread)
    case .inside:
      canonicalize(thread)
      completeInstruction(thread)
    }
  }

  /// As `accessed`, while all threads are brought to a stop. An instruction that is not done begins
  /// again at the next resume, and makes its accesses again.
  func accessedWhileStopping(_ thread: ThreadID, _ met: UInt8) {
    let place = place(ofAccess: thread)
    let start = threads[thread]?.registers.general.rip
    let instruction = accessingInstruction(thread)
    canonicalize(thread)
    switch place {
    case .behind: note(thread, met, by: instruction)
    case .step:
      note(thread, met, by: instruction)
      if threads[thread]?.registers.general.rip == start { threads[thread]?.watchHit = nil }
    case .behindCall, .inside: break
    }
  }

  private enum Place {
    /// In a fragment of one instruction: the stop behind it comes by itself.
    case step
    case inside
    case behind
    case behindCall
  }

  private func place(ofAccess thread: ThreadID) -> Place {
    guard let engine, let state = threads[thread], let live = try? control.registers(thread) else {
      return .behind
    }
    return engine.lock.locked { () -> Place in
      let pc = UInt64(live.rip)
      let place = engine.translator.pointee.accessPlace(at: pc)
      guard engine.stepping.contains(thread) else {
        switch place {
        case .inside: return .inside
        case .behind: return .behind
        case .behindCall: return .behindCall
        }
      }
      // A repeated string instruction stands at its own beginning again.
      let original = engine.originalInstruction(at: pc)
      return place == .behind && original == UInt64(state.registers.general.rip) ? .behind : .step
    }
  }

  /// The accesses of an instruction that was carried out on the tracer's side: no processor has
  /// looked at them.
  func note(_ thread: ThreadID, _ accesses: [MemoryAccess]) {
    guard let state = threads[thread] else { return }
    if let hit = checkedHit(state, accesses) { threads[thread]?.watchHit = hit }
    guard let registers = state.debugRegisters, !registers.isEmpty else { return }
    let met = accesses.reduce(0) { $0 | registers.met(by: $1) }
    let hit = watchpoints.hit(met) { piece in
      accesses.contains { $0.isRead && $0.overlaps(piece) }
    }
    if let hit { threads[thread]?.watchHit = hit }
  }

  /// As the processor told it.
  private func note(_ thread: ThreadID, _ met: UInt8, by access: AccessingInstruction?) {
    let hit = watchpoints.hit(met) { piece in hasRead(piece, by: access) }
    if let hit { threads[thread]?.watchHit = hit }
  }

  /// Brings a canonical thread behind the instruction in whose translation something was accessed.
  /// What the program does not access itself is not met again.
  func completeInstruction(_ thread: ThreadID) {
    guard var registers = threads[thread]?.registers.general else { return }
    var stepper = Stepper(process: process)
    guard stepper.transfer(&registers) else { return runStep(thread, registers) }
    threads[thread]?.registers.general = registers
    note(thread, stepper.accesses)
    finishStep(thread)
  }

  // MARK: Telling

  /// The reason to tell for `thread`, which was about to tell `reason`. What is not told now is told
  /// at the next resume.
  func reasonWithHits(_ thread: ThreadID, _ reason: StopReason) -> StopReason {
    let told = reasonWithOwnHit(thread, reason)
    for other in threads.keys {
      guard let hit = threads[other]?.watchHit else { continue }
      threads[other]?.watchHit = nil
      threads[other]?.untoldHit = hit
    }
    return told
  }

  /// As `reasonWithHits`; other threads are left as they are.
  func reasonWithOwnHit(_ thread: ThreadID, _ reason: StopReason) -> StopReason {
    var told = reason
    if let hit = threads[thread]?.watchHit {
      switch reason {
      // A breakpoint is met again when the thread goes on.
      case .stepped, .breakpoint, .signal:
        if case .signal = reason { threads[thread]?.pending = reason }
        threads[thread]?.watchHit = nil
        threads[thread]?.untoldHit = hit.next
        told = .watchpoint(hit)
      case .watchpoint, .interrupted, .execed, .exited, .killed, .systemCallEntry, .systemCallReturn,
        .forked, .vforked, .vforkDone, .threadCreated, .cloned, .threadExited, .noneResumed:
        break
      }
    }
    return told
  }

  /// A stop that waits to be told; hits of watchpoints that were taken away meanwhile are forgotten.
  func takePending(of process: Int32) -> StopEvent? {
    if process == self.process, !untoldEnds.isEmpty { return untoldEnds.removeFirst() }
    for thread in threads.keys.sorted() where threads[thread]?.processID == process {
      if let event = takePending(ofThread: thread) { return event }
    }
    return nil
  }

  func takePending(ofThread thread: ThreadID) -> StopEvent? {
    if let reason = threads[thread]?.untold {
      threads[thread]?.untold = nil
      return StopEvent(thread: thread, reason: reason)
    }
    while let hit = threads[thread]?.untoldHit {
      threads[thread]?.untoldHit = hit.next
      if watchpoints.watches(hit) { return StopEvent(thread: thread, reason: .watchpoint(hit)) }
    }
    guard let reason = threads[thread]?.pending else { return nil }
    threads[thread]?.pending = nil
    return StopEvent(thread: thread, reason: reason)
  }
}
