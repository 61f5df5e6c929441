// SPDX-License-Identifier: GPL-3.0-only

/// An address as the program, gdb and the kernel see it.
///
/// Never mixed with `CacheAddress`: there is no arithmetic between the two, and only the fragment
/// tables convert one into the other.
public struct OriginalAddress: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  public static func + (left: Self, right: UInt64) -> Self { Self(left.rawValue &+ right) }
  public static func - (left: Self, right: Self) -> Int64 {
    Int64(bitPattern: left.rawValue &- right.rawValue)
  }
}

extension OriginalAddress: CustomStringConvertible {
  public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// Half-open range of original addresses.
public typealias OriginalRange = Range<OriginalAddress>
