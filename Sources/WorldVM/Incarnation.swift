// SPDX-License-Identifier: GPL-3.0-only

/// A world's number, raised by each `go`; what was cached under an older one is stale.
public struct Incarnation: Hashable, Comparable, Sendable {
  /// Counts from 1.
  public private(set) var number: UInt64

  /// Of a world that went so often already.
  init(number: UInt64) { self.number = number }

  /// Of a world that never went.
  public static let first = Incarnation(number: 1)
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }

  /// The incarnation after one more `go`.
  public var next: Self { Self(number: number + 1) }
}
