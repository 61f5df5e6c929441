// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import XVCore

/// The memory behind a server: whole pages, as many at once as the server's packets hold, all packets
/// on their way together.
struct RemoteMemory: MemorySource {
  let link: RemoteLink

  func readMemory(at address: Address, count: Int) throws(WorldError) -> [UInt8] {
    try link.perform { client, patience throws(ClientError) in
      try read(client, address.rawValue, count, patience)
    }
  }

  private func read(
    _ client: Client, _ address: UInt64, _ count: Int, _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let pieces = Self.pieces(address, count, longest: Self.chunk(client.longestRead))
    var bytes: [UInt8] = []
    for (piece, read) in zip(pieces, try client.readMemory(pieces, patience)) {
      bytes += read
      if read.count == piece.count { continue }
      // A server that reads what it can has said where that ends.
      if !read.isEmpty, (piece.address &+ UInt64(read.count)).isMultiple(of: UInt64(PageNumber.pageSize)) {
        break
      }
      // Others read all or nothing: where readable memory ends is seen page by page.
      let rest = piece.address &+ UInt64(read.count)
      let single = Self.pieces(
        rest, piece.count - read.count, longest: min(PageNumber.pageSize, client.longestRead))
      guard single.count > 1 else { break }
      for (piece, read) in zip(single, try client.readMemory(single, patience)) {
        bytes += read
        if read.count < piece.count { break }
      }
      break
    }
    return bytes
  }

  /// Whole pages, or parts of a page that are all of one size.
  private static func chunk(_ longest: Int) -> Int {
    let size = PageNumber.pageSize
    if longest >= size { return longest / size * size }
    return 1 << (Int.bitWidth - 1 - longest.leadingZeroBitCount)
  }

  /// None crosses the end of a page in its middle.
  private static func pieces(_ address: UInt64, _ count: Int, longest: Int) -> [Client.Piece] {
    var pieces: [Client.Piece] = []
    var done = 0
    while done < count {
      let position = address &+ UInt64(done)
      let untilPageEnd = PageNumber.pageSize - Int(position % UInt64(PageNumber.pageSize))
      let room = longest <= untilPageEnd
        ? longest : untilPageEnd + (longest - untilPageEnd) / PageNumber.pageSize * PageNumber.pageSize
      let size = min(room, count - done)
      pieces.append(Client.Piece(address: position, count: size))
      done += size
    }
    return pieces
  }

  /// One packet a page, one after the other: nothing is written behind what cannot be written.
  func writeMemory(_ bytes: [UInt8], at address: Address) throws(WorldError) -> Int {
    var written = 0
    try link.perform { client, patience throws(ClientError) in
      written = 0
      let longest = min(PageNumber.pageSize, client.longestWrite)
      for piece in Self.pieces(address.rawValue, bytes.count, longest: longest) {
        let part = Array(bytes[written..<written + piece.count])
        do throws(ClientError) {
          try client.writeMemory(part, at: piece.address, patience)
        } catch .refused {
          return
        }
        written += piece.count
      }
    }
    return written
  }
}
