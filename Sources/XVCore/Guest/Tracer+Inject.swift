// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A system call that a stopped thread is made to carry out.
struct InjectedCall {
  var number: UInt64
  var arguments: [UInt64]
}

/// One thread on its way through a call that is not its own.
private struct Injection {
  let thread: ThreadID
  let number: UInt64
  /// Before the call and after it.
  let registers: user_regs_struct
  let call: user_regs_struct
  let mask: UInt64?
  var isEntered = false
  /// Those that could not wait: they belong to the program, and are sent again.
  var signals: [Int32] = []

  /// Puts the call into the thread's registers. Signals wait meanwhile.
  init(
    _ call: InjectedCall, _ thread: ThreadID, _ registers: user_regs_struct,
    at instruction: UInt64, _ control: PtraceControl
  ) throws(GuestError) {
    self.thread = thread
    self.registers = registers
    number = call.number
    var changed = registers
    changed.rip = numericCast(instruction)
    changed.rax = numericCast(call.number)
    changed.eflags &= ~numericCast(TrapStep.flag)
    changed.orig_rax = numericCast(UInt64.max)
    let order = [
      Register.rdi, Register.rsi, Register.rdx, Register.r10, Register.r8, Register.r9,
    ]
    for (index, register) in order.enumerated() {
      changed[register: register] = index < call.arguments.count ? call.arguments[index] : 0
    }
    self.call = changed
    try control.setRegisters(thread, changed)
    mask = control.signalMask(thread)
    if let mask { control.setSignalMask(thread, mask | ~Tracer.synchronousSignals) }
    // Its filters are about the program's calls.
    control.suspendFilters(thread, true)
  }
}

/// Calls that stopped threads are made to carry out.
extension Tracer {
  /// Brings a thread that stopped on its way out of a system call to that call's very end, and returns
  /// its registers.
  func synchronize(_ thread: ThreadID) throws(GuestError) -> user_regs_struct {
    control.resumeToSystemCall(thread)
    while true {
      switch try nextEvent(ofCaller: thread) {
      case .systemCallStop: return try control.registers(thread)
      case .groupStop(let signal): noteGroupStop(thread, signal)
      default: break
      }
      control.resumeToSystemCall(thread)
    }
  }

  /// Makes a stopped thread carry out one system call and puts its registers back.
  ///
  /// Done with system-call stops, not single steps: a trap would take a signal that the guest may
  /// block (and the kernel would reset its handler).
  func inject(
    _ thread: ThreadID, _ registers: user_regs_struct, at instruction: UInt64, _ number: UInt64,
    _ arguments: [UInt64]
  ) throws(GuestError) -> Int64 {
    var injection = try Injection(
      InjectedCall(number: number, arguments: arguments), thread, registers, at: instruction, control)
    defer { end(injection) }
    while true {
      control.resumeToSystemCall(thread)
      if let result = try advance(&injection) { return result }
    }
  }

  /// As `inject`, each thread with a call of its own: all of them run at the same time. All are brought to
  /// the end of theirs before a failure is told.
  func injectEach(
    _ calls: [ThreadID: InjectedCall], at instruction: UInt64
  ) throws(GuestError) -> [ThreadID: Int64] {
    var open: [Injection] = []
    var results: [ThreadID: Int64] = [:]
    var failure: GuestError?
    for thread in calls.keys.sorted() {
      guard let call = calls[thread], let state = threads[thread] else { continue }
      do throws(GuestError) {
        open.append(
          try Injection(call, thread, state.registers.general, at: instruction, control))
        control.resumeToSystemCall(thread)
      } catch {
        failure = error
      }
    }
    while !open.isEmpty {
      var rest: [Injection] = []
      for var injection in open {
        do throws(GuestError) {
          guard let result = try advance(&injection) else {
            control.resumeToSystemCall(injection.thread)
            rest.append(injection)
            continue
          }
          results[injection.thread] = result
        } catch {
          failure = error
        }
        end(injection)
      }
      open = rest
    }
    if let failure { throw failure }
    return results
  }

  /// Waits for what happens to the thread next; the call's result when it is done.
  private func advance(_ injection: inout Injection) throws(GuestError) -> Int64? {
    let thread = injection.thread
    switch try nextEvent(ofCaller: thread) {
    case .systemCallStop:
      if control.isAtSystemCallEntry(thread) {
        injection.isEntered = true
      } else if injection.isEntered {
        let result = try control.registers(thread).rax
        try control.setRegisters(thread, injection.registers)
        return Int64(bitPattern: UInt64(result))
      } else {
        // The end of the call it was in before.
        try control.setRegisters(thread, injection.call)
      }
    case .signal(SIGSEGV) where isFromKernel(thread):
      // Nothing can be executed there.
      try control.setRegisters(thread, injection.registers)
      throw .system(call: "system call \(injection.number)", errno: EFAULT)
    case .signal(let signal): injection.signals.append(signal)
    case .groupStop(let signal): noteGroupStop(thread, signal)
    default: break
    }
    return nil
  }

  private func end(_ injection: Injection) {
    control.suspendFilters(injection.thread, false)
    if let mask = injection.mask { end(injection.thread, mask, injection.signals) }
  }

  /// Gives a thread its mask back, and the signals that came to it meanwhile. When it is gone its number may be that of
  /// a thread that has called exec, whose mask is its own.
  private func end(_ thread: ThreadID, _ mask: UInt64, _ signals: [Int32]) {
    guard threads[thread]?.isExiting != true else { return }
    control.setSignalMask(thread, mask)
    let owner = threads[thread]?.processID ?? thread.rawValue
    for signal in signals { _ = xv_tgkill(owner, thread.rawValue, signal) }
  }

  /// Makes a stopped thread carry out several calls, with one stop at the end, and puts its registers
  /// back. At the first that fails it ends.
  ///
  /// The stop is a trap: where the kernel would reset its handler (the program ignores it), the calls are
  /// made one by one. Two gates at one place: the first may be replaced by the second meanwhile.
  func inject(
    _ calls: [InjectedCall], _ thread: ThreadID, _ registers: user_regs_struct, by gate: Gate,
    replacedBy next: Gate? = nil, ignoresTrap: Bool
  ) throws(GuestError) {
    guard !ignoresTrap, calls.count <= Gate.mostCalls, let mask = control.signalMask(thread) else {
      for call in calls {
        let result = try inject(
          thread, registers, at: gate.injectedCall, call.number, call.arguments)
        if result < 0, result >= -4095 {
          throw .system(call: "system call \(call.number)", errno: Int32(-result))
        }
      }
      return
    }
    gate.list(calls)
    next?.list(calls)
    var start = registers
    start.rip = numericCast(gate.injectedCalls)
    start.rbx = numericCast(gate.callList)
    start.eflags &= ~numericCast(TrapStep.flag)
    start.orig_rax = numericCast(UInt64.max)
    try control.setRegisters(thread, start)
    // Signals wait meanwhile. One that cannot wait is sent again: it belongs to the program.
    let trap = UInt64(1) << UInt64(SIGTRAP - 1)
    control.setSignalMask(thread, (mask | ~Tracer.synchronousSignals) & ~trap)
    control.suspendFilters(thread, true)
    var signals: [Int32] = []
    defer {
      control.suspendFilters(thread, false)
      end(thread, mask, signals)
    }
    while true {
      control.resume(thread, signal: 0)
      switch try nextEvent(ofCaller: thread) {
      case .signal(SIGTRAP) where isFromKernel(thread):
        let end = try control.registers(thread)
        try control.setRegisters(thread, registers)
        let done = (UInt64(end.rbx) &- gate.callList) / UInt64(Gate.callSize)
        guard done >= calls.count else {
          throw .system(
            call: "system call \(calls[Int(done)].number)",
            errno: Int32(truncatingIfNeeded: 0 &- UInt64(end.rax)))
        }
        return
      case .signal(let signal) where isFromKernel(thread) && signal != SIGSTOP:
        throw .system(call: "signal \(signal) in the gate", errno: EFAULT)
      case .signal(let signal): signals.append(signal)
      case .groupStop(let signal): noteGroupStop(thread, signal)
      default: break
      }
    }
  }

  /// Whether the signal before which a thread stands is the processor's doing (SI_KERNEL, or a fault's
  /// code).
  private func isFromKernel(_ thread: ThreadID) -> Bool {
    control.signalInformation(thread).map { word32($0, 8) > 0 } ?? false
  }
}
