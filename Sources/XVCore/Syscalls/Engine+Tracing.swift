// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// What the program has said about its being traced and dumped, and has not been done: the kernel would
/// refuse the first because xv traces the program, and would close the program's memory to xv after the
/// second.
struct TracingBelief {
  /// Processes that have asked their parents to trace them.
  var asked = false
  /// What PR_SET_DUMPABLE was told; nil: the kernel knows.
  var dumpable: UInt64? = nil
  /// Threads for whose call of ptrace a process was let go, if it could be.
  var released: Set<ThreadID> = []
  /// The process, or one that it inherits from, filters system calls.
  var isFiltered = false
}

extension Engine {
  /// ptrace(2) and prctl(2): what the program is told, or nil when the kernel is to answer.
  func answerAboutTracing(
    _ thread: ThreadID, _ number: Int32, _ arguments: [UInt64]
  ) -> Int64? {
    if number == InterceptedCall.ptrace {
      let traceMe: UInt64 = 0
      guard arguments[0] == traceMe, isOfProcess(thread) else { return nil }
      defer { tracing.asked = true }
      return tracing.asked ? -Int64(EPERM) : 0
    }
    let getDumpable: UInt64 = 3
    let setDumpable: UInt64 = 4
    switch arguments[0] & 0xffff_ffff {
    case getDumpable: return tracing.dumpable.map { Int64($0) }
    case setDumpable:
      guard arguments[1] <= 1 else { return nil }
      tracing.dumpable = arguments[1]
      return 0
    default: return nil
    }
  }

  /// The process that has to be let go before a thread's call of ptrace can be made: the kernel allows one
  /// tracer.
  func processToBeTraced(_ thread: ThreadID, _ arguments: [UInt64]) -> Int32? {
    guard tracing.released.remove(thread) == nil else { return nil }
    let traceMe: UInt64 = 0
    let attach: UInt64 = 16
    let seize: UInt64 = 0x4206
    switch arguments[0] {
    case traceMe:
      if isOfProcess(thread) { return isChild ? process : nil }
      // A vfork child goes on in this memory, where guard mode lets nothing be executed.
      return options.guardOriginalCode ? nil : processOf(thread)
    case attach, seize: return Int32(truncatingIfNeeded: arguments[1])
    default: return nil
    }
  }

  /// A vfork child's own state is its own.
  private func isOfProcess(_ thread: ThreadID) -> Bool {
    thread.rawValue == process
      || ProcessStatus(of: thread.rawValue)?.number("Tgid") == UInt64(process)
  }
}
