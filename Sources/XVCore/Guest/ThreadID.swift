// SPDX-License-Identifier: GPL-3.0-only

/// The kernel's id of one thread of the guest (a Linux tid). An identity, never gdb's pattern.
public struct ThreadID: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }
  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension ThreadID: CustomStringConvertible {
  public var description: String { String(rawValue) }
}
