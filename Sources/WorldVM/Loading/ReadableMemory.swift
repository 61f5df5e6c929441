// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// Memory in which a load state can be found.
package protocol ReadableMemory {
  /// Reads `count` bytes, or names the first byte that could not be read.
  func read(from address: Address, count: Int) throws(WorldError) -> [UInt8]
  /// The readable bytes from `address` on, at most `count`.
  func readAvailable(from address: Address, count: Int) throws(WorldError) -> [UInt8]
}

extension CachedMemory: ReadableMemory {}

extension ReadableMemory {
  func readWord(_ address: Address) throws(WorldError) -> UInt64 {
    try read(from: address, count: 8).word(at: 0)
  }

  /// The bytes up to the first NUL, cut off at `limit` and at unreadable memory.
  func readString(_ address: Address, limit: Int) throws(WorldError) -> String {
    // In pieces that end with a page: nothing is fetched of which no byte is needed.
    var bytes: [UInt8] = []
    while bytes.count < limit {
      let position = address + UInt64(bytes.count)
      let untilPageEnd = PageNumber.pageSize - Int(position.rawValue) % PageNumber.pageSize
      let piece = try readAvailable(
        from: position, count: Swift.min(untilPageEnd, limit - bytes.count))
      if let end = piece.firstIndex(of: 0) {
        return String(decoding: bytes + piece[..<end], as: UTF8.self)
      }
      bytes += piece
      if piece.isEmpty { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
