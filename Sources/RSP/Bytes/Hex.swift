// SPDX-License-Identifier: GPL-3.0-only

/// Hexadecimal digits on the wire: lower case going out, either case coming in.
package enum Hex {
  /// The ASCII digit of the low four bits.
  package static func digit(_ value: UInt8) -> UInt8 {
    let low = value & 0xf
    return low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10
  }

  /// The value of an ASCII digit, nil when it is none.
  package static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Two digits a byte.
  package static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    bytes.withContiguousStorageIfAvailable(digits) ?? Array(bytes).withUnsafeBufferPointer(digits)
  }

  /// For callers of other modules, too, nothing is asked of a collection byte by byte.
  private static func digits(of bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { buffer, count in
      for byte in bytes {
        buffer[count] = digit(byte >> 4)
        buffer[count + 1] = digit(byte)
        count += 2
      }
    }
  }

  /// The bytes that an even number of digits stands for, nil for anything else.
  package static func decode(_ digits: some Collection<UInt8>) -> [UInt8]? {
    digits.withContiguousStorageIfAvailable(bytes) ?? Array(digits).withUnsafeBufferPointer(bytes)
  }

  private static func bytes(of digits: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    var high: UInt8?
    for digit in digits {
      guard let value = value(of: digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  /// A number without leading zeros.
  package static func number(_ value: some BinaryInteger) -> [UInt8] {
    let value = UInt64(truncatingIfNeeded: value)
    let digits = max(1, (67 - value.leadingZeroBitCount) / 4)
    return (0..<digits).reversed().map { digit(UInt8(truncatingIfNeeded: value >> (4 * $0))) }
  }

  /// The two digits of one byte.
  package static func byte(_ value: UInt8) -> [UInt8] { [digit(value >> 4), digit(value)] }
}
