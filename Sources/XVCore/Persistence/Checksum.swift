// SPDX-License-Identifier: GPL-3.0-only

/// Finds what is damaged; it is no protection against what is forged.
enum Checksum {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
    var at = 0
    while at + 32 <= bytes.count {
      lanes.0 = mix(lanes.0, bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      lanes.1 = mix(lanes.1, bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self))
      lanes.2 = mix(lanes.2, bytes.loadUnaligned(fromByteOffset: at + 16, as: UInt64.self))
      lanes.3 = mix(lanes.3, bytes.loadUnaligned(fromByteOffset: at + 24, as: UInt64.self))
      at += 32
    }
    while at < bytes.count {
      lanes.0 = mix(lanes.0, UInt64(bytes[at]))
      at += 1
    }
    return joined(joined(joined(lanes.0, lanes.1), lanes.2), lanes.3)
  }

  /// One checksum of two, in their order.
  static func joined(_ first: UInt64, _ second: UInt64) -> UInt64 {
    (first << 17 | first >> 47) &* MasterTable.multiplier ^ second
  }

  @inline(__always)
  private static func mix(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    (lane ^ word) &* MasterTable.multiplier
  }
}
