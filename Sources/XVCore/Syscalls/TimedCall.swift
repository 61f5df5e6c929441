// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// System calls that wait for at most a length of time, and that the kernel neither restarts after an interruption nor
/// leaves to the program with what is left of that time (signal(7)).
///
/// When xv interrupts one, or a signal that natively is dropped unseen, it is made again with the rest of its timeout. For
/// that the fragment notes when each of them begins (`ContextLayout.callBegan`).
enum TimedCall {
  /// Where a call has its timeout: the number of the argument, from 0.
  enum Timeout {
    /// An int; a negative one is no timeout.
    case milliseconds(argument: Int)
    /// The address of a timespec; 0 is no timeout.
    case timespec(argument: Int)
  }

  private static let rtSigtimedwait: Int32 = 128
  private static let ioGetevents: Int32 = 208
  private static let semtimedop: Int32 = 220
  private static let epollWait: Int32 = 232
  private static let epollPwait: Int32 = 281
  private static let ioPgetevents: Int32 = 333
  private static let epollPwait2: Int32 = 441

  static let numbers = [rtSigtimedwait, ioGetevents, semtimedop, epollWait, epollPwait, ioPgetevents, epollPwait2]

  static func timeout(of number: Int32) -> Timeout? {
    switch number {
    case epollWait, epollPwait: .milliseconds(argument: 3)
    case rtSigtimedwait: .timespec(argument: 2)
    case semtimedop, epollPwait2: .timespec(argument: 3)
    case ioGetevents, ioPgetevents: .timespec(argument: 4)
    default: nil
    }
  }
}

extension Engine {
  /// Has the gate make a timed call again with what is left of its timeout; nil when there is no timeout, or its beginning
  /// is not known. The lock is held.
  ///
  /// `registers` are those before the call, which the thread has again behind it: where the thread has to go on.
  func repeatTimedCall(_ thread: ThreadID, _ registers: Registers) -> UInt64? {
    let general = registers.general
    let number = Int32(truncatingIfNeeded: UInt64(general.rax))
    guard let timeout = TimedCall.timeout(of: number), let context = contexts[thread] else { return nil }
    let began = context.load64(ContextLayout.callBegan)
    guard began != 0 else { return nil }
    for register in 0..<16 { context.setRegister(register, general[register: register]) }
    var arguments = callArguments(context)
    let waited = Clock.nanoseconds(since: began)
    switch timeout {
    case .milliseconds(let argument):
      let wanted = Int32(truncatingIfNeeded: arguments[argument])
      guard wanted > 0 else { return nil }
      let total = UInt64(wanted) * 1_000_000
      arguments[argument] = waited < total ? (total - waited + 999_999) / 1_000_000 : 0
    case .timespec(let argument):
      guard arguments[argument] != 0, let words = readWords(arguments[argument], 2), words[0] < 1 << 32, words[1] < 1_000_000_000
      else { return nil }
      let total = words[0] * 1_000_000_000 + words[1]
      let rest = waited < total ? total - waited : 0
      context.store64(ContextLayout.timeout, rest / 1_000_000_000)
      context.store64(ContextLayout.timeout + 8, rest % 1_000_000_000)
      arguments[argument] = context.guestAddress &+ UInt64(ContextLayout.timeout)
    }
    context.store64(ContextLayout.flags, UInt64(general.eflags))
    context.store64(ContextLayout.originalPC, UInt64(general.rip))
    context.store32(ContextLayout.kind, RequestKind.systemCall.rawValue)
    setCall(context, UInt64(number), arguments)
    // It is still the same wait.
    context.store64(ContextLayout.callBegan, began)
    return gate.nativeCall
  }
}
