// SPDX-License-Identifier: GPL-3.0-only

/// The escape that lets any byte stand in a packet: `}`, then the byte exclusive-or 0x20.
package enum Escape {
  package static let marker = UInt8(ascii: "}")
  package static let mask: UInt8 = 0x20

  /// Whether the byte cannot stand for itself in a reply.
  ///
  /// `*` would be taken for a repeat count.
  package static func isNeeded(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "}"), UInt8(ascii: "*"): true
    default: false
    }
  }

  /// The bytes with an escape for each that needs one.
  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var escaped: [UInt8] = []
    escaped.reserveCapacity(bytes.count + bytes.count / 16)
    for byte in bytes {
      if isNeeded(byte) {
        escaped.append(marker)
        escaped.append(byte ^ mask)
      } else {
        escaped.append(byte)
      }
    }
    return escaped
  }

  /// Nil when the last byte is a marker with nothing behind it.
  package static func decode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    var isEscaped = false
    for byte in bytes {
      if isEscaped {
        plain.append(byte ^ mask)
        isEscaped = false
      } else if byte == marker {
        isEscaped = true
      } else {
        plain.append(byte)
      }
    }
    return isEscaped ? nil : plain
  }
}
