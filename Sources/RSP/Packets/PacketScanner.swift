// SPDX-License-Identifier: GPL-3.0-only

/// Reads a packet's content from left to right.
///
/// What does not fit gives nil and moves nothing.
package struct PacketScanner {
  private let bytes: [UInt8]
  private var position: Int

  package init(_ bytes: [UInt8], from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  package var isAtEnd: Bool { position == bytes.count }
  /// What was not read yet.
  package var rest: ArraySlice<UInt8> { bytes[position...] }

  /// A hexadecimal number of one to sixteen significant digits.
  package mutating func hex() -> UInt64? {
    var value: UInt64 = 0
    var end = position
    while end < bytes.count, let digit = Hex.value(of: bytes[end]) {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      end += 1
    }
    guard end > position else { return nil }
    position = end
    return value
  }

  /// A hexadecimal number that fits an `Int` with room for sums.
  package mutating func count() -> Int? {
    let start = position
    guard let value = hex(), value <= UInt64(UInt32.max) else {
      position = start
      return nil
    }
    return Int(value)
  }

  /// Moves over a text if it is what comes next.
  package mutating func skip(_ text: StaticString) -> Bool {
    guard starts(with: text) else { return false }
    position += text.utf8CodeUnitCount
    return true
  }

  private func starts(with text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes[position...].starts(with: $0) }
  }

  /// One byte of any value.
  package mutating func byte() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  /// The bytes before the separator, which is skipped; all that is left when there is none.
  package mutating func field(before separator: Unicode.Scalar) -> ArraySlice<UInt8> {
    let end = bytes[position...].firstIndex(of: UInt8(ascii: separator)) ?? bytes.count
    defer { position = min(end + 1, bytes.count) }
    return bytes[position..<end]
  }

  /// What is left, as pairs of digits.
  package mutating func hexBytes() -> [UInt8]? {
    defer { position = bytes.count }
    return Hex.decode(rest)
  }

  /// What is left, as text.
  package mutating func text() -> String {
    defer { position = bytes.count }
    return String(decoding: rest, as: UTF8.self)
  }
}
