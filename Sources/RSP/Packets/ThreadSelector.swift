// SPDX-License-Identifier: GPL-3.0-only

/// gdb's thread id: a pattern that may match any, all or one thread.
///
/// Never an identity.
package enum ThreadSelector: Hashable, Sendable {
  case any
  case all
  case one(UInt64)
}

/// A thread pattern with the process pattern that multiprocess adds: `p<process>.<thread>`.
package struct ThreadPattern: Hashable, Sendable {
  /// Nil when the client named no process.
  package var process: ThreadSelector?
  package var thread: ThreadSelector

  package init(process: ThreadSelector? = nil, thread: ThreadSelector) {
    self.process = process
    self.thread = thread
  }

  /// Whether the pattern covers a thread of a process.
  package func matches(thread id: UInt64, of process: UInt64) -> Bool {
    if case .one(let wanted) = self.process, wanted != process { return false }
    if case .one(let wanted) = thread { return wanted == id }
    return true
  }
}

extension PacketScanner {
  package mutating func threadPattern() -> ThreadPattern? {
    guard skip("p") else { return selector().map { ThreadPattern(thread: $0) } }
    guard let process = selector() else { return nil }
    guard skip(".") else { return ThreadPattern(process: process, thread: .all) }
    return selector().map { ThreadPattern(process: process, thread: $0) }
  }

  private mutating func selector() -> ThreadSelector? {
    if skip("-1") { return .all }
    return hex().map { $0 == 0 ? .any : .one($0) }
  }
}

/// One thread as it is written in replies.
package struct ThreadName: Hashable, Sendable {
  package var process: UInt64
  package var thread: UInt64

  package init(process: UInt64, thread: UInt64) {
    self.process = process
    self.thread = thread
  }

  /// With the process only for a client that said `multiprocess+` (rr#2078).
  package func encoded(multiprocess: Bool) -> [UInt8] {
    guard multiprocess else { return Hex.number(thread) }
    return [UInt8(ascii: "p")] + Hex.number(process) + [UInt8(ascii: ".")] + Hex.number(thread)
  }
}
