// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// System calls of which a debugger is told. The sequence of events: docs/sequences/system-calls.md.
///
/// While there are any, no fragment makes a call by itself: each asks the dispatcher, which parks the
/// thread before the call. Made is it as a step is.
extension Tracer {
  /// All threads stand still.
  func catchCalls(_ calls: CaughtCalls) {
    caughtCalls = calls
    guard let engine else { return }
    let isChanged = engine.lock.locked { () -> Bool in
      let asked = engine.translator.pointee.askedCalls
      engine.caughtCalls = calls
      return engine.translator.pointee.askedCalls != asked
    }
    if isChanged { discard(.flush, for: nil) }
  }

  /// A canonical thread stands before a call that may be of interest.
  func parkedBeforeCall(_ thread: ThreadID, _ number: Int32) {
    guard var registers = threads[thread]?.registers.general else { return }
    var call = CaughtCall(address: UInt64(registers.rip), number: number)
    guard isDebugged(thread), caughtCalls.contains(number)
    else {
      call.isTold = false
      return makeCall(call, thread)
    }
    threads[thread]?.caughtCall = call
    // As at the kernel's own stop at the entry of a call.
    registers.rip = numericCast(call.next)
    registers.rcx = registers.rip
    registers.r11 = registers.eflags
    registers.orig_rax = registers.rax
    registers.rax = numericCast(CaughtCall.noResult)
    threads[thread]?.registers.general = registers
    stopWorld(thread, .systemCallEntry(number))
  }

  /// Lets a thread go on that stands at or in a call that was caught; false when it does not.
  func goesOnInCall(_ thread: ThreadID) -> Bool {
    guard let state = threads[thread], let call = state.caughtCall else { return false }
    var registers = state.registers.general
    rewindCall(thread, &registers)
    if UInt64(registers.rip) == call.address {
      threads[thread]?.registers.general = registers
      makeCall(call, thread)
      return true
    }
    if call.isInside, UInt64(registers.rip) == call.next {
      returned(thread, from: call)
      return true
    }
    // The debugger, or a handler, has taken it elsewhere.
    threads[thread]?.caughtCall = nil
    return false
  }

  private func makeCall(_ call: CaughtCall, _ thread: ThreadID) {
    guard let registers = threads[thread]?.registers.general else { return }
    var call = call
    call.isInside = true
    threads[thread]?.caughtCall = call
    // A signal that came while the thread stood there finds it inside the call.
    holdSignals(thread)
    runStep(thread, registers)
  }

  /// A debugger steps: from a call's entry to its return.
  func beginCallByStep(_ thread: ThreadID, _ registers: inout user_regs_struct) {
    let caught = threads[thread]?.caughtCall
    rewindCall(thread, &registers)
    threads[thread]?.caughtCall = nil
    guard var call = caught, UInt64(registers.rip) == call.address else { return }
    call.isInside = true
    threads[thread]?.caughtCall = call
    holdSignals(thread)
  }

  /// The kernel tells that a thread enters or leaves a call: signals are held until it is in the one that
  /// was caught.
  func atSystemCall(_ thread: ThreadID) {
    guard let engine, var state = threads[thread], state.caughtCall?.isInside == true,
      state.mask != nil
    else { return control.resume(thread, signal: 0) }
    let live = try? control.registers(thread)
    let offset = UInt64(live?.rip ?? 0) &- engine.guestCore
    // The gate makes calls of its own, too; a fragment makes the program's only.
    let isInGate = offset < UInt64(engine.gate.size)
    guard control.isAtSystemCallEntry(thread),
      !isInGate || engine.gate.mark(at: UInt32(offset))?.phase == .inSystemCall
    else { return control.resumeToSystemCall(thread) }
    releaseSignals(thread, &state)
    threads[thread] = state
    control.resume(thread, signal: 0)
  }

  /// A canonical thread stands behind a call that was caught.
  func returned(_ thread: ThreadID, from call: CaughtCall) {
    threads[thread]?.caughtCall = nil
    if threads[thread]?.action.kind != .run {
      threads[thread]?.registers.general.orig_rax = numericCast(
        UInt64(bitPattern: Int64(call.number)))
      return finishStep(thread)
    }
    // The kernel remembers no number behind rt_sigreturn.
    let number = call.number == InterceptedCall.rtSigreturn ? -1 : call.number
    guard call.isTold, caughtCalls.contains(number) else { return enter(thread) }
    threads[thread]?.registers.general.orig_rax = numericCast(
      UInt64(bitPattern: Int64(number)))
    stopWorld(thread, .systemCallReturn(number))
  }

  /// A signal has ended a call that was caught before the thread could tell its return; it is told
  /// now, and the signal at the next resume. False when there is no such call.
  func signalEndsCall(_ thread: ThreadID, _ signal: Int32) -> Bool {
    guard let state = threads[thread], let call = state.caughtCall, call.isInside, call.isTold,
      UInt64(state.registers.general.rip) == call.next, caughtCalls.contains(call.number)
    else { return false }
    threads[thread]?.caughtCall = nil
    threads[thread]?.stoppedBySignal = signal
    threads[thread]?.pending = .signal(signal)
    stopWorld(thread, .systemCallReturn(call.number))
    return true
  }

  /// Makes a thread's registers those before the call at whose entry it stands, or that was interrupted
  /// and is to be made again.
  func rewindCall(_ thread: ThreadID, _ registers: inout user_regs_struct) {
    guard let call = threads[thread]?.caughtCall, !call.isInside,
      UInt64(registers.rip) == call.next,
      Int64(bitPattern: UInt64(registers.orig_rax)) >= 0
    else { return Tracer.restartSystemCall(&registers) }
    registers.rip = numericCast(call.address)
    registers.rax = registers.orig_rax
    registers.orig_rax = numericCast(UInt64.max)
  }
}

extension CaughtCall {
  /// What rax holds at a call's entry: -ENOSYS.
  static let noResult = UInt64(bitPattern: -38)
}
