// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// Watchpoints that no debug register holds: fragments look at their accesses and leave for the server
/// before one that may be watched. What can come between: docs/sequences/watchpoints.md.
extension Tracer {
  /// Has the fragments look at what is watched now, before a thread runs in them.
  ///
  /// Debuggers take their watchpoints away at each stop and set them again: then nothing changes.
  func applyCheckedWatchpoints() {
    guard let engine else { return }
    let wanted = watchpoints.checked
    let areReadsWatched = watchpoints.areReadsWatched
    let isChanged = engine.lock.locked { () -> Bool in
      // Once and for all: nothing is thrown away again when watchpoints come and go.
      let isFirst = areReadsWatched && !engine.translator.pointee.makesEachRead
      if isFirst { engine.translator.pointee.makesEachRead = true }
      guard engine.checked != wanted else { return isFirst }
      engine.check(wanted)
      let checks: AccessChecks =
        options.torture.watch || wanted.contains { $0.kind != .write }
        ? .all : wanted.isEmpty ? .none : .writes
      // Fragments that look at more than they need do no harm.
      let isEnough = checks == .none ? engine.translator.pointee.checks == .none
        : engine.translator.pointee.checks >= checks
      if !isEnough { engine.translator.pointee.checks = checks }
      return !isEnough || isFirst
    }
    guard isChanged else { return }
    if isStopped { discard(.flush, for: nil) } else { makeRoom(.flush) }
  }

  /// What accesses of a thread of the program meet. A vfork child has no watchpoints.
  func checkedHit(_ state: TracedThread, _ accesses: @autoclosure () -> [MemoryAccess]) -> WatchHit? {
    guard !watchpoints.checked.isEmpty, state.processID == process else { return nil }
    return watchpoints.hit(accesses())
  }

  /// Whether the instruction at which a canonical thread stands is about to meet one.
  func meetsWatched(_ thread: ThreadID) -> Bool {
    guard let state = threads[thread], !watchpoints.checked.isEmpty, state.processID == process else {
      return false
    }
    var stepper = Stepper(process: process)
    return stepper.meeting(watchpoints, state.registers.general) { areaOfState(thread) } != nil
  }

  /// Looks at the instruction that a thread is about to make alone. Of a repeated one it makes the
  /// rounds up to the first that meets a watchpoint.
  func beginCheckedStep(_ thread: ThreadID, _ registers: inout user_regs_struct) -> CheckedStep? {
    guard let state = threads[thread], !watchpoints.checked.isEmpty, state.processID == process else {
      return nil
    }
    var stepper = Stepper(process: process)
    guard var step = stepper.meeting(watchpoints, registers, vectors: { areaOfState(thread) }) else {
      return nil
    }
    if step.repetition != nil {
      let count = UInt64(registers.rcx)
      step.withheld = count - step.rounds
      registers.rcx = numericCast(step.rounds)
    }
    return step
  }

  /// The thread stands still again: the instruction is done, or it is not.
  func finish(
    _ step: CheckedStep, _ state: inout TracedThread, _ registers: inout user_regs_struct
  ) {
    state.checkedStep = nil
    guard let repetition = step.repetition else {
      if UInt64(registers.rip) != step.start { state.watchHit = step.hit }
      return
    }
    let left = UInt64(registers.rcx)
    registers.rcx = numericCast(left &+ step.withheld)
    guard left == 0 else { return }
    state.watchHit = step.hit
    let isEqual = UInt64(registers.eflags) & 0x40 != 0
    let goesOn =
      switch repetition {
      case .counted: true
      case .whileEqual: isEqual
      case .whileDifferent: !isEqual
      }
    guard step.withheld > 0, goesOn else { return }
    // As behind a round on the processor.
    registers.rip = numericCast(step.start)
    if ProcessorFeatures.marksRounds { registers.eflags |= 0x1_0000 }
  }

  private func areaOfState(_ thread: ThreadID) -> [UInt8] {
    (try? control.extendedState(thread)) ?? []
  }
}

/// An instruction that meets a watchpoint and is made alone.
struct CheckedStep {
  var start: UInt64
  var hit: WatchHit
  /// Of a repeated string instruction.
  var repetition: Repetition? = nil
  /// The rounds up to the one that meets it, and those that are kept from it until then.
  var rounds: UInt64 = 0
  var withheld: UInt64 = 0
}
