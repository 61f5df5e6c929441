// SPDX-License-Identifier: GPL-3.0-only

/// What a server answered to a `vFile` packet.
package struct FileResult: Hashable, Sendable {
  package var value: Int
  package var attachment: [UInt8]
}

extension Client {
  /// Sends a `vFile` packet; `.refused` carries gdb's number of a failure.
  package func file(_ packet: FilePacket, _ patience: Patience) throws(ClientError) -> FileResult {
    let request = packet.encoded
    let reply = try ask(request, patience)
    guard reply.first == UInt8(ascii: "F") else { throw ClientReply.malformed(reply, to: request) }
    let end = reply.firstIndex(of: UInt8(ascii: ";")) ?? reply.count
    let numbers = reply[1..<end].split(separator: UInt8(ascii: ",")).map {
      Int(String(decoding: $0, as: UTF8.self), radix: 16)
    }
    guard let first = numbers.first, let value = first else {
      throw ClientReply.malformed(reply, to: request)
    }
    if value < 0 {
      let number = numbers.count > 1 ? numbers[1] : nil
      throw .refused(request: ClientReply.name(of: request), number: number, text: "")
    }
    return FileResult(value: value, attachment: Array(reply.dropFirst(end + 1)))
  }

  /// A file of the machine where the program runs, whole.
  package func readFile(_ path: String, _ patience: Patience) throws(ClientError) -> [UInt8] {
    let opened = try file(.open(path: Array(path.utf8), flags: [], mode: 0), patience)
    var content: [UInt8] = []
    do throws(ClientError) {
      while true {
        let window = longestRead
        let piece = try file(.read(opened.value, count: window, offset: content.count), patience)
        if piece.attachment.isEmpty { break }
        content += piece.attachment
      }
    } catch {
      if case .refused = error { _ = try file(.close(opened.value), patience) }
      throw error
    }
    _ = try file(.close(opened.value), patience)
    return content
  }
}

extension FilePacket {
  /// The packet's content.
  package var encoded: [UInt8] {
    func request(_ name: String, _ arguments: [UInt8]...) -> [UInt8] {
      [UInt8]("vFile:\(name):".utf8) + arguments.joined(separator: [UInt8(ascii: ",")])
    }
    return switch self {
    case .setFileSystem(let process): request("setfs", Hex.number(process))
    case .open(let path, let flags, let mode):
      request("open", Hex.encode(path), Hex.number(flags.rawValue), Hex.number(mode))
    case .close(let file): request("close", Hex.number(file))
    case .read(let file, let count, let offset):
      request("pread", Hex.number(file), Hex.number(count), Hex.number(offset))
    case .write(let file, let offset, let bytes):
      request("pwrite", Hex.number(file), Hex.number(offset), bytes)
    case .statusOf(let file): request("fstat", Hex.number(file))
    case .statusAt(let path): request("stat", Hex.encode(path))
    case .statusOfLink(let path): request("lstat", Hex.encode(path))
    case .readLink(let path): request("readlink", Hex.encode(path))
    case .unlink(let path): request("unlink", Hex.encode(path))
    case .size(let path): request("size", Hex.encode(path))
    case .mode(let path): request("mode", Hex.encode(path))
    case .exists(let path): request("exists", Hex.encode(path))
    case .digest(let path): request("MD5", Hex.encode(path))
    case .link(let path, let target): request("symlink", Hex.encode(target), Hex.encode(path))
    }
  }
}
