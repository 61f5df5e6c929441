// SPDX-License-Identifier: GPL-3.0-only

/// The system calls of whose entry and return a debugger wants to be told.
public enum CaughtCalls: Hashable, Sendable {
  case none
  case all
  case some(Set<Int32>)

  public func contains(_ number: Int32) -> Bool {
    switch self {
    case .none: false
    case .all: true
    case .some(let numbers): numbers.contains(number)
    }
  }
}

/// A system call whose entry a debugger was told of, or may be told of its return.
struct CaughtCall {
  /// Where the `syscall` instruction stands.
  var address: UInt64
  var number: Int32
  /// The thread makes it; before, it stands at the entry that was told.
  var isInside = false
  /// Whether the return is to be told.
  var isTold = true

  var next: UInt64 { address &+ 2 }
}
