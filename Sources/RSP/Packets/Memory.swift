// SPDX-License-Identifier: GPL-3.0-only

/// `m`, `M` in digits; `x`, `X` in bytes.
///
/// `x` means two protocols: gdb's (since 16.2) answers `b` and the bytes, lldb's the bytes alone.
package enum MemoryPacket: Hashable, Sendable {
  case read(address: UInt64, count: Int)
  case readBinary(address: UInt64, count: Int)
  case write(address: UInt64, bytes: [UInt8])
  /// `qSearch:memory`: the first place of a pattern.
  case search(address: UInt64, count: UInt64, pattern: [UInt8])
  /// `qCRC`: whether a section is what the client has in a file.
  case checksum(address: UInt64, count: UInt64)
  /// lldb 22's `MultiMemRead`: several ranges, one reply.
  case readRanges([Range])

  package struct Range: Hashable, Sendable {
    package var address: UInt64
    package var count: Int

    package init(address: UInt64, count: Int) {
      self.address = address
      self.count = count
    }
  }

  static func search(_ scanner: inout PacketScanner) -> Packet? {
    guard let address = scanner.hex(), scanner.skip(";"), let count = scanner.hex(),
      scanner.skip(";"), !scanner.isAtEnd
    else { return nil }
    return .memory(.search(address: address, count: count, pattern: Array(scanner.rest)))
  }

  static func checksum(_ scanner: inout PacketScanner) -> Packet? {
    guard let address = scanner.hex(), scanner.skip(","), let count = scanner.hex(), scanner.isAtEnd
    else { return nil }
    return .memory(.checksum(address: address, count: count))
  }

  static func read(_ scanner: inout PacketScanner) -> Packet? {
    guard let (address, count) = range(&scanner), scanner.isAtEnd else { return nil }
    return .memory(.read(address: address, count: count))
  }

  static func readBinary(_ scanner: inout PacketScanner) -> Packet? {
    guard let (address, count) = range(&scanner), scanner.isAtEnd else { return nil }
    return .memory(.readBinary(address: address, count: count))
  }

  static func write(_ scanner: inout PacketScanner) -> Packet? {
    guard let (address, count) = range(&scanner), scanner.skip(":"),
      let bytes = scanner.hexBytes(), bytes.count == count
    else { return nil }
    return .memory(.write(address: address, bytes: bytes))
  }

  static func writeBinary(_ scanner: inout PacketScanner) -> Packet? {
    guard let (address, count) = range(&scanner), scanner.skip(":"), scanner.rest.count == count
    else { return nil }
    return .memory(.write(address: address, bytes: Array(scanner.rest)))
  }

  /// `ranges:address,count,address,count;`, and other options that nobody has yet.
  static func readRanges(_ scanner: inout PacketScanner) -> Packet? {
    guard scanner.skip("ranges:") else { return nil }
    var list = PacketScanner(Array(scanner.field(before: ";")))
    var ranges: [Range] = []
    repeat {
      guard let (address, count) = range(&list) else { return nil }
      ranges.append(Range(address: address, count: count))
    } while list.skip(",")
    return list.isAtEnd ? .memory(.readRanges(ranges)) : nil
  }

  private static func range(_ scanner: inout PacketScanner) -> (UInt64, Int)? {
    guard let address = scanner.hex(), scanner.skip(","), let count = scanner.count() else {
      return nil
    }
    return (address, count)
  }
}
