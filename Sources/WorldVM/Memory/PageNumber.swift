// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// A page of a world's memory: an address without its last twelve bits.
struct PageNumber: RawRepresentable, Hashable, Comparable, Sendable {
  static let pageSize = 4096
  /// The last page of the address space.
  static let last = PageNumber(rawValue: UInt64.max >> 12)

  var rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }
  init(holding address: Address) { rawValue = address.rawValue >> 12 }

  var start: Address { Address(rawValue << 12) }
  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
