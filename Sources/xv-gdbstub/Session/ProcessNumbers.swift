// SPDX-License-Identifier: GPL-3.0-only

/// The numbers by which clients know the processes of several worlds.
package enum ProcessNumbers {
  /// Above every process id that Linux gives (PID_MAX_LIMIT).
  private static let firstMadeUp: Int32 = 4_194_305

  /// A process keeps its own number unless a world before it has the same: then it is given one that no
  /// process can have.
  package static func distinct(_ own: [Int32]) -> [Int32] {
    var used: Set<Int32> = []
    var next = firstMadeUp
    return own.map { number in
      if used.insert(number).inserted { return number }
      defer { next += 1 }
      return next
    }
  }
}
