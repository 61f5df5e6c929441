// SPDX-License-Identifier: GPL-3.0-only

/// Runs of one byte, written as the byte, `*`, and a printable count (manual, "Overview").
///
/// It lies outside the escape: a sender escapes first, a receiver expands first. Only replies
/// carry it; in a request `*` is a byte like any other.
package enum RunLength {
  package static let marker = UInt8(ascii: "*")
  /// A count of n repeats is the character n + 29.
  static let bias = 29
  /// 126 (`~`) is the last printable character.
  static let mostRepeats = 97
  /// `*` and its count take two bytes, so that fewer than three repeats save nothing.
  static let fewestRepeats = 3

  /// How often the byte before `*` is repeated, nil when the character is no count.
  package static func repeats(for character: UInt8) -> Int? {
    let count = Int(character) - bias
    return (fewestRepeats...mostRepeats).contains(count) ? count : nil
  }

  /// Whether the count's character has a meaning of its own in the framing.
  private static func isForbidden(_ repeats: Int) -> Bool {
    switch UInt8(repeats + bias) {
    case UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "+"), UInt8(ascii: "-"): true
    default: false
    }
  }

  /// The bytes, already escaped, with their runs shortened by permitted counts.
  package static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(bytes.count)
    var start = 0
    while start < bytes.count {
      let byte = bytes[start]
      var end = start + 1
      while end < bytes.count, bytes[end] == byte, end - start <= mostRepeats { end += 1 }
      append(byte, repeats: end - start - 1, to: &encoded)
      start = end
    }
    return encoded
  }

  /// One byte and its repeats; what a permitted count leaves over is written out.
  private static func append(_ byte: UInt8, repeats: Int, to encoded: inout [UInt8]) {
    encoded.append(byte)
    var counted = repeats
    while counted >= fewestRepeats, isForbidden(counted) { counted -= 1 }
    if counted < fewestRepeats { counted = 0 }
    if counted > 0 {
      encoded.append(marker)
      encoded.append(UInt8(counted + bias))
    }
    for _ in counted..<repeats { encoded.append(byte) }
  }

  /// Nil when a count has no byte before it, is missing, or is none.
  package static func decode(_ bytes: [UInt8]) -> [UInt8]? {
    var plain: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position] == marker {
        guard let last = plain.last, position + 1 < bytes.count,
          let count = repeats(for: bytes[position + 1])
        else { return nil }
        plain.append(contentsOf: repeatElement(last, count: count))
        position += 2
      } else {
        plain.append(bytes[position])
        position += 1
      }
    }
    return plain
  }
}
