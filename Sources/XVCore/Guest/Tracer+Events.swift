// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

extension Tracer {
  func handle(_ thread: ThreadID, _ event: ControlEvent) {
    switch event {
    case .exited(let status): gone(thread, .exited(status))
    case .killed(let signal): gone(thread, .killed(signal))
    case .systemCallStop: atSystemCall(thread)
    case .exiting:
      threads[thread]?.isExiting = true
      prepareEnd(thread)
      withExtendedLifetime(retireEngineEarly()) { control.resume(thread, signal: 0) }
    case .vforkDone:
      threads[thread]?.vforkChild = nil
      threads[thread]?.vforkChildIsNative = false
      moveAlong(thread)
      // While it waited for its child it could not be given any.
      setDebugRegisters(thread)
      vforkIsDone(thread)
    case .execed: execed(thread)
    case .forked(let child, _): forked(thread, child)
    // An interrupt that was overtaken by another stop.
    case .stopped: control.resume(thread, signal: 0)
    // The kernel answers an interrupt so for as long as the process counts as stopped (kernel/signal.c, do_jobctl_trap).
    case .groupStop where threads[thread]?.hasLeftGroupStop == true: control.resume(thread, signal: 0)
    case .groupStop(let signal):
      control.listen(thread)
      if thread.rawValue == process { options.onGroupStop?(signal) }
    case .signal(let signal): signalled(thread, signal)
    }
  }

  /// The thread stands before its end. Nobody waits for one that ends while the tracer waits for another (`nextEvent`, where the
  /// lock may be held): its process ends, or executes a program.
  private func prepareEnd(_ thread: ThreadID) {
    guard let engine else { return }
    engine.lock.locked { engine.prepareLastWrites(thread) }
  }

  /// The wait for a vfork child is over.
  private func vforkIsDone(_ thread: ThreadID) {
    let isTold = toldEvents.vforks && isDebugged(thread)
    // It stops at the call's end, before it runs on.
    if isTold { control.interrupt(thread) }
    control.resume(thread, signal: 0)
    guard isTold else { return }
    if threads[thread]?.isHeld == true, !isStopping {
      // The debugger has let its child run alone.
      isStopping = true
      waitForStop(of: thread)
      isStopping = false
      threads[thread]?.untold = .vforkDone
      return
    }
    tellFork(thread, .vforkDone)
  }

  /// No thread runs the program's code any more, and nobody asks about its memory: the engine's is given back while
  /// the kernel takes down the process's own, which takes as long. So whoever holds the engine last lets go of it
  /// when the thread has been resumed.
  private func retireEngineEarly() -> Engine? {
    guard !isDebugged, let engine,
      threads.allSatisfy({ $0.value.isExiting && $0.value.processID == process })
    else { return nil }
    tracees.retire(engine)
    self.engine = nil
    return engine
  }

  private func gone(_ thread: ThreadID, _ reason: StopReason) {
    trace("[\(thread)] is gone: \(reason)")
    let owner = threads[thread]?.processID
    let isTold = threads[thread]?.options.contains(.end) == true
    snapshot.forget()
    threads[thread] = nil
    guard thread.rawValue == process else {
      if let engine { engine.lock.locked { engine.removeThread(thread) } }
      if debuggedSharers.remove(thread.rawValue) != nil {
        tell(thread.rawValue, StopEvent(thread: thread, reason: reason))
      } else if owner == process {
        threadEnded(thread, reason, isTold: isTold)
      }
      return
    }
    leaveToSharers()
    isFinished = true
    threads = [:]
    tracees.ended(self)
    onStop(StopEvent(thread: thread, reason: reason))
    tracees.debuggees.forget(process)
  }

  // MARK: Canonical state

  /// Turns a stopped thread's state into original terms. It owes the cache nothing afterwards.
  func canonicalize(_ thread: ThreadID) {
    guard let engine, var state = threads[thread], var registers = try? control.registers(thread)
    else { return }
    let cachePlace = UInt64(registers.rip)
    var isLeaving = state.leaving?.span.contains(cachePlace) == true
    engine.lock.locked {
      guard let context = engine.contexts[thread] else { return }
      let isAtInstruction = engine.parked[thread]?.reason.isOfInstruction == true
      engine.translator.pointee.process = thread.rawValue
      engine.cancelRequest(thread, context)
      // Recovery may put a return address back.
      engine.prepareWrite(Range(at: max(UInt64(registers.rsp), 8) - 8, count: 24))
      let place = engine.translator.pointee.recover(
        &registers, context: context, gate: engine.gate, gateBase: engine.guestCore)
      if place.isInLookup {
        engine.emptyDeadTarget(context)
        // Nothing but a thread that leaves a breakpoint looks up where the instruction there leads. Its fragment may
        // have been discarded (0).
        let retry = context.load64(ContextLayout.retry)
        isLeaving = retry == 0 || state.leaving?.span.contains(retry) == true
      }
      if let result = place.gateCallResult, !Tracer.isRestart(UInt64(bitPattern: result)) {
        // Its result is its number then, as if nothing had been called (seccomp(2), SECCOMP_RET_TRAP).
        engine.noteResult(thread, context, state.callWasRefused ? -Int64(ENOSYS) : result)
      }
      if !place.isInSystemCall {
        registers.orig_rax = numericCast(UInt64.max)
        if !isAtInstruction { state.repeatedCall?.resume(&registers) }
      }
    }
    state.repeatedCall = nil
    state.callWasRefused = false
    if isLeaving, let leaving = state.leaving, UInt64(registers.rip) == leaving.breakpoint,
      breakpoints.contains(leaving.breakpoint)
    {
      // It was about to leave a breakpoint, and still is.
      state.toldBreakpoint = leaving.breakpoint
    }
    state.leaving = nil
    if let step = state.checkedStep { finish(step, &state, &registers) }
    finishTrapStep(thread, &state, &registers)
    state.registers = Registers(general: registers)
    state.state = .canonical
    state.hasMoved = false
    threads[thread] = state
  }

  /// ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK (include/linux/errno.h).
  static func isRestart(_ result: UInt64) -> Bool {
    [512, 513, 514, 516].contains(0 &- result)
  }

  /// Lets a canonical thread run on in the cache.
  ///
  /// `skippingProbe`: it leaves a breakpoint, whose instruction runs once without its probe.
  func enter(_ thread: ThreadID, skippingProbe: Bool = false) {
    if followsTrapFlag(thread, skippingProbe: skippingProbe) { return }
    // Nothing looks at the accesses of an instruction whose probe is skipped.
    if skippingProbe, meetsWatched(thread) { return completeInstruction(thread) }
    if place(thread, skippingProbe: skippingProbe) {
      resumeOrRest(thread)
    } else if skippingProbe, let state = threads[thread] {
      // It goes on at the next resume, without another hit. One that is gone was killed meanwhile: its end is
      // the next event.
      threads[thread]?.toldBreakpoint = UInt64(state.registers.general.rip)
    }
  }

  /// A thread that job control has stopped rests on, wherever it was placed.
  private func resumeOrRest(_ thread: ThreadID) {
    guard let signal = threads[thread]?.groupStop, signal != 0 else { return control.resume(thread, signal: 0) }
    threads[thread]?.groupStop = 0
    guard control.listen(thread) else {
      // It has made a call for xv meanwhile. An interrupt brings it to rest where its process is still stopped.
      control.interrupt(thread)
      return control.resume(thread, signal: 0)
    }
    if thread.rawValue == process { options.onGroupStop?(signal) }
  }

  /// Makes a canonical thread stand in the cache, ready to run on.
  func place(_ thread: ThreadID, skippingProbe: Bool) -> Bool {
    guard let engine, var registers = threads[thread]?.registers.general else { return false }
    applyBreakpoints()
    let before = registers
    rewindCall(thread, &registers)
    let repeatedCall = RepeatedCall(before, placedAs: registers)
    _ = makeVsyscall(thread, &registers)
    let target = UInt64(registers.rip)
    let wait = repeatedCall == nil ? nil : engine.lock.locked { engine.repeatTimedCall(thread, Registers(general: registers)) }
    guard let address = wait ?? address(for: target, skippingProbe: skippingProbe, thread)
    else { return false }
    registers.rip = numericCast(address)
    registers.orig_rax = numericCast(UInt64.max)
    engine.lock.locked {
      if let context = engine.contexts[thread] {
        registers.gs_base = numericCast(context.guestAddress)
      }
    }
    threads[thread]?.state = .running
    threads[thread]?.stoppedBySignal = 0
    threads[thread]?.repeatedCall = repeatedCall
    return (try? control.setRegisters(thread, registers)) != nil
  }

  /// What the kernel does on the way out of an interrupted call when no handler runs
  /// (arch/x86/kernel/signal.c, arch_do_signal_or_restart).
  static func restartSystemCall(_ registers: inout user_regs_struct) {
    guard Int64(bitPattern: UInt64(registers.orig_rax)) >= 0, isRestart(UInt64(registers.rax)) else {
      return
    }
    let isRestartBlock = UInt64(registers.rax) == 0 &- 516
    registers.rax = isRestartBlock ? 219 : registers.orig_rax
    registers.rip -= 2
    registers.orig_rax = numericCast(UInt64.max)
  }

  private enum Placement {
    /// A cache address, or the original one where there is no code.
    case at(UInt64)
    case needsArena
    case noRoom(Discard)
  }

  /// Where a thread goes on.
  private func address(
    for target: UInt64, skippingProbe: Bool, _ thread: ThreadID
  ) -> UInt64? {
    guard let engine else { return nil }
    while true {
      // A block has no address any more when it dies, which may be as soon as the lock is gone.
      switch engine.lock.locked({ placement(at: target, skippingProbe: skippingProbe, thread, engine) }) {
      case .at(let address): return address
      case .needsArena:
        guard mapArena(near: target, by: thread) else { return nil }
      case .noRoom(let kind):
        let wasStopped = isStopped
        makeRoom(kind)
        guard isToBePlaced(thread, wasStopped: wasStopped) else { return nil }
      }
    }
  }

  private func placement(at target: UInt64, skippingProbe: Bool, _ thread: ThreadID, _ engine: Engine) -> Placement {
    // Another thread, through which memory was reached last, may have ended.
    engine.translator.pointee.process = thread.rawValue
    if skippingProbe, let detour = placementBehindProbe(at: target, thread, engine) { return .at(detour) }
    switch engine.block(at: target, entry: .linked) {
    case .block(let number): return .at(engine.linked(number).rawValue)
    case .noCode: return .at(target)
    case .needsArena: return .needsArena
    case .noRoom(let kind): return .noRoom(kind)
    }
  }

  /// A fragment of the one instruction at a breakpoint, without the probe; nil where there is no room for it.
  private func placementBehindProbe(at target: UInt64, _ thread: ThreadID, _ engine: Engine) -> UInt64? {
    let translator = engine.translator
    let isVolatile = translator.pointee.ranges.area(containing: target)?.isVolatile ?? true
    if !isVolatile, let known = translator.pointee.leavingFragments[target] {
      threads[thread]?.leaving = LeftBreakpoint(breakpoint: target, span: known.span)
      return known.entry
    }
    translator.pointee.request &+= 1  // the code may have changed
    guard let arena = translator.pointee.arena(for: target), translator.pointee.hasRoom(in: arena),
      let made = translator.pointee.translate(target, mode: .stepOver, entry: .linked, arena: arena)
    else { return nil }
    let unit = translator.pointee.units[translator.pointee.units.count - 1]
    let guest = translator.pointee.arenas[arena].guest
    let span = (guest &+ UInt64(unit.hot))..<(guest &+ UInt64(unit.hotEnd))
    threads[thread]?.leaving = LeftBreakpoint(breakpoint: target, span: span)
    if translator.pointee.leavingFragments.count >= Translator.mostStepFragments {
      translator.pointee.leavingFragments.removeAll()
    }
    if !isVolatile { translator.pointee.leavingFragments[target] = (made.linked.rawValue, span) }
    return made.linked.rawValue
  }

  /// Whether a thread still is to go on after others were stopped and went on themselves: one of them may
  /// have had a stop to tell.
  func isToBePlaced(_ thread: ThreadID, wasStopped: Bool) -> Bool {
    threads[thread] != nil && !isFinished && isStopped == wasStopped
  }
}
