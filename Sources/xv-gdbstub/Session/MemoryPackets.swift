// SPDX-License-Identifier: GPL-3.0-only
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
    case .write(let address, let bytes):
      // Empty when the client only tries whether the packet is known.
      if !bytes.isEmpty { try world.copyWrite(bytes, to: Address(address)) }
      transfers.forget()
      return .ok
    }
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
