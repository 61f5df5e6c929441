// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A system call that a stopped thread is made to carry out.
struct InjectedCall {
  var number: UInt64
  var arguments: [UInt64]
}

/// Calls that stopped threads are made to carry out.
extension Tracer {
  /// Brings a thread that stopped on its way out of a system call to that call's very end, and returns
  /// its registers.
  func synchronize(_ thread: ThreadID) throws(GuestError) -> user_regs_struct {
    control.resumeToSystemCall(thread)
    while let event = control.waitForEvent(of: thread) {
      switch event {
      case .systemCallStop: return try control.registers(thread)
      case .exited, .killed:
        tracees.postpone(thread, event)
        throw .gone
      default: control.resumeToSystemCall(thread)
      }
    }
    throw .gone
  }

  /// Makes a stopped thread carry out one system call and puts its registers back.
  ///
  /// Done with system-call stops, not single steps: a trap would take a signal that the guest may
  /// block (and the kernel would reset its handler).
  func inject(
    _ thread: ThreadID, _ registers: user_regs_struct, at instruction: UInt64, _ number: UInt64,
    _ arguments: [UInt64]
  ) throws(GuestError) -> Int64 {
    var call = registers
    call.rip = numericCast(instruction)
    call.rax = numericCast(number)
    call.eflags &= ~numericCast(TrapStep.flag)
    call.orig_rax = numericCast(UInt64.max)
    let order = [
      Register.rdi, Register.rsi, Register.rdx, Register.r10, Register.r8, Register.r9,
    ]
    for (index, register) in order.enumerated() {
      call[register: register] = index < arguments.count ? arguments[index] : 0
    }
    try control.setRegisters(thread, call)
    var entered = false
    // Signals wait meanwhile. One that cannot wait is sent again: it belongs to the program.
    let mask = control.signalMask(thread)
    if let mask { control.setSignalMask(thread, mask | ~Tracer.synchronousSignals) }
    defer { if let mask { control.setSignalMask(thread, mask) } }
    var signals: [Int32] = []
    let owner = threads[thread]?.processID ?? thread.rawValue
    defer { for signal in signals { _ = xv_tgkill(owner, thread.rawValue, signal) } }
    while true {
      control.resumeToSystemCall(thread)
      guard let event = control.waitForEvent(of: thread) else { throw .gone }
      switch event {
      case .systemCallStop:
        if control.isAtSystemCallEntry(thread) {
          entered = true
        } else if entered {
          let result = try control.registers(thread).rax
          try control.setRegisters(thread, registers)
          return Int64(bitPattern: UInt64(result))
        } else {
          // The end of the call it was in before.
          try control.setRegisters(thread, call)
        }
      case .exited, .killed:
        tracees.postpone(thread, event)
        throw .gone
      case .signal(SIGSEGV) where isFromKernel(thread):
        // Nothing can be executed there.
        try control.setRegisters(thread, registers)
        throw .system(call: "system call \(number)", errno: EFAULT)
      case .signal(let signal): signals.append(signal)
      default: break
      }
    }
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
    defer { control.setSignalMask(thread, mask) }
    var signals: [Int32] = []
    let owner = threads[thread]?.processID ?? thread.rawValue
    defer { for signal in signals { _ = xv_tgkill(owner, thread.rawValue, signal) } }
    while true {
      control.resume(thread, signal: 0)
      guard let event = control.waitForEvent(of: thread) else { throw .gone }
      switch event {
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
      case .exited, .killed:
        tracees.postpone(thread, event)
        throw .gone
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
