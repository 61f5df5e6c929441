// SPDX-License-Identifier: GPL-3.0-only

extension Client {
  /// A piece of memory to read.
  package struct Piece: Hashable, Sendable {
    package var address: UInt64
    package var count: Int

    package init(address: UInt64, count: Int) {
      self.address = address
      self.count = count
    }
  }

  private var readsBinary: Bool { features.has("binary-upload") }

  /// What one request can read: two digits a byte, or as much again for escapes.
  package var longestRead: Int { max(16, features.packetSize / 2 - (readsBinary ? 16 : 0)) }

  /// What one request can write.
  package var longestWrite: Int { max(16, (features.packetSize - 48) / 2) }

  /// Reads pieces, none longer than `longestRead`, all on their way at once; what cannot be read is
  /// short or empty.
  package func readMemory(
    _ pieces: [Piece], _ patience: Patience
  ) throws(ClientError) -> [[UInt8]] {
    let letter = readsBinary ? "x" : "m"
    let requests = pieces.map { piece in
      Array("\(letter)\(digits(piece.address)),\(String(piece.count, radix: 16))".utf8)
    }
    let replies = try exchange(requests, patience)
    var result: [[UInt8]] = []
    for (request, reply) in zip(requests, replies) {
      result.append(try memory(reply, request))
    }
    return result
  }

  /// Reads from an address on, in as many requests as it takes; short at the first that fails.
  package func readMemory(
    at address: UInt64, count: Int, _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let longest = longestRead
    let pieces = stride(from: 0, to: count, by: longest).map {
      Piece(address: address &+ UInt64($0), count: min(longest, count - $0))
    }
    var bytes: [UInt8] = []
    for (piece, read) in zip(pieces, try readMemory(pieces, patience)) {
      bytes += read
      if read.count < piece.count { break }
    }
    return bytes
  }

  private func memory(_ reply: [UInt8], _ request: [UInt8]) throws(ClientError) -> [UInt8] {
    if reply.isEmpty { throw .unsupported(request: ClientReply.name(of: request)) }
    if readsBinary {
      if reply[0] == UInt8(ascii: "b") { return Array(reply.dropFirst()) }
    } else if let bytes = Hex.decode(reply) {
      return bytes
    }
    // No memory there: no error of the conversation's.
    if ClientReply.error(reply, to: request) != nil { return [] }
    throw ClientReply.malformed(reply, to: request)
  }

  /// Writes at most `longestWrite` bytes; a server that cannot write them throws `.refused`.
  package func writeMemory(
    _ bytes: [UInt8], at address: UInt64, _ patience: Patience
  ) throws(ClientError) {
    let place = "\(digits(address)),\(String(bytes.count, radix: 16)):"
    if !unsupported.contains("X") {
      do throws(ClientError) {
        return try command([UInt8]("X\(place)".utf8) + bytes, patience)
      } catch .unsupported {
        // The digits that every server understands.
      }
    }
    try command([UInt8]("M\(place)".utf8) + Hex.encode(bytes), patience)
  }

  // MARK: Breakpoints and watchpoints
  package func insert(
    _ kind: BreakpointPacket.Kind, at address: UInt64, size: UInt64 = 1, _ patience: Patience
  ) throws(ClientError) {
    try command("Z\(kind.rawValue),\(digits(address)),\(digits(size))", patience)
  }

  package func remove(
    _ kind: BreakpointPacket.Kind, at address: UInt64, size: UInt64 = 1, _ patience: Patience
  ) throws(ClientError) {
    try command("z\(kind.rawValue),\(digits(address)),\(digits(size))", patience)
  }

  // MARK: Memory of the debugger's own
  /// `_M`: maps fresh memory; lldb's servers and ours know it.
  package func allocate(
    count: UInt64, permissions: String, _ patience: Patience
  ) throws(ClientError) -> UInt64 {
    let request = "_M\(digits(count)),\(permissions)"
    let reply = try ask(request, patience)
    guard let address = UInt64(String(decoding: reply, as: UTF8.self), radix: 16) else {
      throw ClientReply.malformed(reply, to: Array(request.utf8))
    }
    return address
  }

  package func release(_ address: UInt64, _ patience: Patience) throws(ClientError) {
    try command("_m\(digits(address))", patience)
  }

  private func digits(_ value: UInt64) -> String { String(value, radix: 16) }
}
