// SPDX-License-Identifier: GPL-3.0-only
public import XVCore

/// An address relative to a world's main data space: the base of its main program.
public struct ShortAddress: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension World {
  /// The whole address for a short one.
  public func long(_ short: ShortAddress) throws(WorldError) -> Address {
    try modules().main.base + short.rawValue
  }

  /// Reads one 8-byte word of the main data space.
  public func read(_ short: ShortAddress) throws(WorldError) -> UInt64 { try read(try long(short)) }
  /// Writes one 8-byte word of the main data space.
  public func write(_ value: UInt64, to short: ShortAddress) throws(WorldError) {
    try write(value, to: try long(short))
  }

  /// Reads one 16-byte double word, its lower half first.
  public func longRead(_ address: Address) throws(WorldError) -> (low: UInt64, high: UInt64) {
    let bytes = try copyRead(from: address, count: 16)
    return (bytes.word(at: 0), bytes.word(at: 8))
  }

  /// Writes one 16-byte double word.
  public func longWrite(
    _ value: (low: UInt64, high: UInt64), to address: Address
  ) throws(WorldError) {
    try copyWrite(
      [UInt8](littleEndian: value.low) + [UInt8](littleEndian: value.high), to: address)
  }
}
