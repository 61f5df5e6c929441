// SPDX-License-Identifier: GPL-3.0-only

/// An address of translated code or of a gate stub, as the guest's processor sees it.
public struct CacheAddress: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  public static func + (left: Self, right: UInt64) -> Self { Self(left.rawValue &+ right) }
}

extension CacheAddress: CustomStringConvertible {
  public var description: String { "cache:0x" + String(rawValue, radix: 16) }
}
