// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  /// What fits into a reply: two digits a byte, and as much again for escapes in binary ones.
  private static let mostBytes = Connection.packetSize / 2 - 16

  func respond(to packet: MemoryPacket) throws(WorldError) -> Reply {
    switch packet {
    case .read(let address, let count):
      return Reply(Hex.encode(try readMemory(address, count)))
    case .readBinary(let address, let count):
      let bytes = try readMemory(address, count)
      if client.isLLDB { return count == 0 ? .ok : Reply(bytes) }
      return Reply([UInt8(ascii: "b")] + bytes)
    case .readRanges(let ranges): return readRanges(ranges)
    case .write(let address, let bytes):
      // Empty when the client only tries whether the packet is known.
      if !bytes.isEmpty { try world.copyWrite(bytes, to: Address(address)) }
      transfers.forget()
      return .ok
    case .search(let address, let count, let pattern):
      guard let found = try find(pattern, in: address, count) else { return Reply("0") }
      return Reply([UInt8]("1,".utf8) + Hex.number(found))
    case .checksum(let address, let count):
      return Reply([UInt8(ascii: "C")] + Hex.number(try checksum(of: address, count)))
    }
  }

  /// The first place of a pattern that lies wholly in the range.
  private func find(
    _ pattern: [UInt8], in start: UInt64, _ count: UInt64
  ) throws(WorldError) -> UInt64? {
    let overlap = UInt64(pattern.count - 1)
    var offset: UInt64 = 0
    // A word beyond the end of the address space is in no range.
    while offset < count, count - offset > overlap, start.addingReportingOverflow(offset).overflow == false {
      let size = Int(min(count - offset, UInt64(Self.searchPiece) + overlap))
      let address = Address(start + offset)
      let piece = try world.copyReadAvailable(from: address, count: size)
      if let place = Self.place(of: pattern, in: piece) { return start + offset + UInt64(place) }
      if piece.count < size { throw .addressFault(address + UInt64(piece.count)) }
      offset += UInt64(size) - overlap
    }
    return nil
  }

  private static let searchPiece = 1 << 20

  private static func place(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { bytes in
      pattern.withUnsafeBytes { pattern in
        var from = 0
        while bytes.count - from >= pattern.count {
          let start = bytes.baseAddress! + from
          let room = bytes.count - from - pattern.count + 1
          guard let found = memchr(start, Int32(pattern[0]), room) else { return nil }
          from = UnsafeRawPointer(found) - bytes.baseAddress!
          if memcmp(found, pattern.baseAddress!, pattern.count) == 0 { return from }
          from += 1
        }
        return nil
      }
    }
  }

  /// CRC-32 of the bit order and start that gdb uses: the highest bit first, from all ones, not inverted.
  private func checksum(of start: UInt64, _ count: UInt64) throws(WorldError) -> UInt32 {
    var sum = UInt32.max
    var offset: UInt64 = 0
    while offset < count {
      let size = Int(min(count - offset, UInt64(Self.searchPiece)))
      for byte in try world.copyRead(from: Address(start &+ offset), count: size) {
        sum = sum << 8 ^ Self.checksums[Int(UInt8(truncatingIfNeeded: sum >> 24) ^ byte)]
      }
      offset += UInt64(size)
    }
    return sum
  }

  private static let checksums: [UInt32] = (0..<256).map { first in
    (0..<8).reduce(UInt32(first) << 24) { sum, _ in sum << 1 ^ (sum >> 31 == 1 ? 0x04c1_1db7 : 0) }
  }

  /// What cannot be read is nothing long.
  private func readRanges(_ ranges: [MemoryPacket.Range]) -> Reply {
    var counts: [[UInt8]] = []
    var content: [UInt8] = []
    for range in ranges {
      var bytes: [UInt8] = []
      do throws(WorldError) {
        let room = max(0, Self.mostBytes / 2 - content.count)
        bytes = try readMemory(range.address, min(range.count, room))
      } catch {}
      counts.append(Hex.number(bytes.count))
      content += bytes
    }
    return Reply(counts.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: ";")] + content)
  }

  /// Short only where readable memory ends, an error when not even the first byte is readable.
  private func readMemory(_ address: UInt64, _ count: Int) throws(WorldError) -> [UInt8] {
    guard count > 0 else { return [] }
    let start = Address(address)
    let bytes = try world.copyReadAvailable(from: start, count: min(count, Self.mostBytes))
    if bytes.isEmpty { throw .addressFault(start) }
    return bytes
  }
}
