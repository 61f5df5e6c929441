// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Resuming for a debugger, and single steps.
extension Tracer {
  func resumeAll() {
    unregisterSequences()
    isStopped = false
    for thread in threads.keys.sorted() { enter(thread) }
  }

  /// Starts the threads as planned; all stand in canonical state.
  func resume(_ plan: ResumePlan, of process: Int32) {
    snapshot.forget()
    unregisterSequences()
    if isNonStop { return resumeEach(plan, of: process) }
    // What happened during the last stop is told first; nothing runs.
    if let event = takePending(of: process) ?? takeMetBreakpoint(of: process, plan) {
      keepSignals(of: plan)
      return tell(process, event)
    }
    if plan.others.kind == .run || plan.threads.contains(where: { $0.value.kind == .run }) {
      applyCheckedWatchpoints()
    }
    for thread in threads.keys where threads[thread]?.state == .canonical {
      setDebugRegisters(thread)
    }
    isStopped = false
    for thread in threads.keys.sorted() {
      guard let state = threads[thread] else { continue }
      // What no debugger knows of runs whenever it can.
      let isConcerned = state.processID == process
      guard isConcerned || !isDebugged(thread) else { continue }
      let action = isConcerned ? plan.threads[thread] ?? plan.others : ResumePlan.Action(.run)
      threads[thread]?.action = action
      guard state.state == .canonical else { continue }
      start(thread, action)
      if isStopped || isFinished { return }
    }
  }

  /// Nothing runs at this resume; its signals are delivered at the next one.
  private func keepSignals(of plan: ResumePlan) {
    for (thread, action) in plan.threads where action.signal != 0 {
      threads[thread]?.owedSignal = action.signal
    }
  }

  func start(_ thread: ThreadID, _ action: ResumePlan.Action) {
    guard action.kind != .stay, let state = threads[thread] else { return }
    // What it meets from here on has not been told. A step may be kept from being made.
    if action.kind == .run || state.toldBreakpoint != UInt64(state.registers.general.rip) {
      threads[thread]?.toldBreakpoint = nil
    }
    // The one of a resume at which it did not run comes first.
    threads[thread]?.owedSignal = 0
    let signal = state.owedSignal != 0 ? state.owedSignal : action.signal
    for next in [signal, state.owedSignal != 0 ? action.signal : 0] where next != 0 {
      guard state.stoppedBySignal != next else { continue }
      threads[thread]?.silentSignal = next
      _ = xv_tgkill(state.processID, thread.rawValue, next)
    }
    if signal != 0, state.stoppedBySignal == signal, state.state == .canonical {
      return deliver(thread, signal)
    }
    if action.kind == .run {
      applyBreakpoints()
      if goesOnInCall(thread) { return }
      // Another thread that stands at a breakpoint has its own hit yet to come.
      var registers = state.registers.general
      rewindCall(thread, &registers)
      let pc = UInt64(registers.rip)
      enter(thread, skippingProbe: state.toldBreakpoint == pc && breakpoints.contains(pc))
    } else {
      step(thread)
    }
  }

  /// Executes one original instruction.
  ///
  /// A control transfer is carried out here, on the registers; anything else runs as a fragment of one
  /// instruction that parks behind it.
  func step(_ thread: ThreadID) {
    guard let state = threads[thread] else { return }
    if state.owesTrap { return raiseTrap(thread) }
    var registers = state.registers.general
    beginCallByStep(thread, &registers)
    threads[thread]?.registers.general = registers
    var stepper = Stepper(process: process)
    if makeVsyscall(thread, &registers) || stepper.transfer(&registers) {
      threads[thread]?.registers.general = registers
      note(thread, stepper.accesses)
      return finishStep(thread)
    }
    if UInt64(registers.eflags) & TrapStep.flag != 0 { beginTrapStep(thread, &registers) }
    runStep(thread, registers)
  }

  /// Lets a thread execute the instruction at its rip in a fragment that parks behind it.
  func runStep(_ thread: ThreadID, _ original: user_regs_struct) {
    guard let engine else { return }
    var registers = original
    let target = UInt64(registers.rip)
    threads[thread]?.stepStart = target
    let checkedStep = beginCheckedStep(thread, &registers)
    threads[thread]?.checkedStep = checkedStep
    while true {
      let place = engine.lock.locked {
        // Another thread, through which memory was reached last, may have ended.
        engine.translator.pointee.process = thread.rawValue
        return engine.stepPlace(target)
      }
      switch place {
      case .fragment(let address):
        registers.rip = numericCast(address.rawValue)
      case .needsArena:
        guard mapArena(near: target, by: thread) else { return giveUpStep(thread) }
        continue
      case .noRoom(let kind):
        let wasStopped = isStopped
        makeRoom(kind)
        guard isToBePlaced(thread, wasStopped: wasStopped) else { return giveUpStep(thread) }
        continue
      case .noCode: break  // the processor's own fault at the original address
      }
      break
    }
    registers.orig_rax = numericCast(UInt64.max)
    engine.lock.locked {
      if let context = engine.contexts[thread] {
        registers.gs_base = numericCast(context.guestAddress)
      }
      engine.stepping.insert(thread)
    }
    threads[thread]?.state = .running
    threads[thread]?.stoppedBySignal = 0
    guard (try? control.setRegisters(thread, registers)) != nil else { return }
    if threads[thread]?.caughtCall != nil {
      control.resumeToSystemCall(thread)
    } else {
      control.resume(thread, signal: 0)
    }
  }

  /// Nothing of the step has been made: the thread is gone, or stands still with all others.
  private func giveUpStep(_ thread: ThreadID) {
    threads[thread]?.stepStart = nil
    threads[thread]?.checkedStep = nil
  }

  /// A step is done: report it, or go on inside the step range.
  func finishStep(_ thread: ThreadID) {
    guard let state = threads[thread] else { return }
    threads[thread]?.toldBreakpoint = nil
    threads[thread]?.stepStart = nil
    if let call = state.caughtCall { return returned(thread, from: call) }
    // A step of the program's own, or one that brought it behind an access.
    if state.action.kind == .run, state.watchHit == nil { return enter(thread) }
    if state.action.kind == .run { return stopWorld(thread, .stepped) }
    threads[thread]?.owesTrap = false
    if case .stepWithin(let range) = state.action.kind, state.pending == nil, state.watchHit == nil,
      range.contains(OriginalAddress(UInt64(state.registers.general.rip))),
      !breakpoints.contains(UInt64(state.registers.general.rip)), !tracees.hasCommands
    {
      return step(thread)
    }
    stopWorld(thread, .stepped)
  }

  /// Instructions that no fragment holds.
  func carryOut(_ thread: ThreadID) {
    guard let engine, let state = threads[thread] else { return }
    var registers = state.registers.general
    var stepper = Stepper(process: process)
    if makeVsyscall(thread, &registers) || stepper.transfer(&registers)
      || stepper.segmentBase(&registers)
    {
      engine.lock.locked {
        engine.contexts[thread]?.store64(ContextLayout.guestGSBase, UInt64(registers.gs_base))
      }
      threads[thread]?.registers.general = registers
      note(thread, stepper.accesses)
      return finishStep(thread)
    }
    let text =
      "xv: the instruction at \(OriginalAddress(UInt64(registers.rip))) has no translation; the program gets SIGILL\n"
    _ = write(STDERR_FILENO, text, text.utf8.count)
    _ = xv_tgkill(state.processID, thread.rawValue, SIGILL)
    enter(thread)
  }
}

extension Engine {
  enum StepPlace {
    case fragment(CacheAddress)
    case needsArena
    case noRoom(Discard)
    case noCode
  }

  /// The fragment that executes one instruction and stops.
  func stepPlace(_ target: UInt64) -> StepPlace {
    // A fragment of one instruction does not check itself: code that may have changed is read anew.
    translator.pointee.request &+= 1
    let isVolatile = translator.pointee.ranges.area(containing: target)?.isVolatile ?? true
    if !isVolatile, let known = translator.pointee.stepFragments[target] { return .fragment(known) }
    guard let arena = translator.pointee.arena(for: target) else {
      switch block(at: target, entry: .linked) {
      case .needsArena: return .needsArena
      case .noRoom(let kind): return .noRoom(kind)
      default: return .noCode
      }
    }
    guard translator.pointee.hasRoom(in: arena) else { return .noRoom(.collect) }
    guard
      let made = translator.pointee.translate(target, mode: .step, entry: .linked, arena: arena)
    else { return .noCode }
    if translator.pointee.stepFragments.count >= Translator.mostStepFragments {
      translator.pointee.stepFragments.removeAll()
    }
    if !isVolatile { translator.pointee.stepFragments[target] = made.linked }
    return .fragment(made.linked)
  }
}
