// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension FileTable {
  mutating func answer(_ packet: FilePacket) -> Reply {
    switch packet {
    // Whose file system: the program shares the server's.
    case .setFileSystem: FileReply.result(0)
    case .open(let path, let flags, let mode): open(path, flags, mode: mode)
    case .close(let handle): close(handle)
    case .read(let handle, let count, let offset): read(handle, count: count, offset: offset)
    case .write(let handle, let offset, let bytes): write(handle, bytes, offset: offset)
    case .statusOf(let handle): status(of: handle)
    // As gdbserver's: of a link itself.
    case .statusAt(let path), .statusOfLink(let path): status(at: path)
    case .readLink(let path): readLink(path)
    case .unlink(let path): unlink(path)
    case .size(let path): size(of: path)
    case .mode(let path): mode(of: path)
    case .exists(let path): exists(path)
    case .digest(let path): digest(of: path)
    case .link(let path, let target): link(path, to: target)
    }
  }
}

extension StubSession {
  /// The files that the program sees are on its machine.
  func respond(to packet: FilePacket) throws(WorldError) -> Reply {
    if let reply = try relay(packet) { return reply }
    if case .open(let path, _, _) = packet, let list = try mappingList(path) {
      return files.open(Array("/dev/null".utf8), [], mode: 0, content: list)
    }
    return files.answer(packet)
  }

  /// What /proc would tell of the mappings of a world of which it tells nothing; nil for another file.
  private func mappingList(_ path: [UInt8]) throws(WorldError) -> [UInt8]? {
    let name = String(decoding: path, as: UTF8.self)
    let process = "/proc/\(current.processID)/"
    guard world.isElsewhere, name.hasPrefix(process), name.hasSuffix("/maps")
    else { return nil }
    let lines = try world.mappings().map { mapping in
      let range = [mapping.range.lowerBound, mapping.range.upperBound]
        .map { String($0.rawValue, radix: 16) }.joined(separator: "-")
      let letters =
        (mapping.protection & PROT_READ != 0 ? "r" : "-")
        + (mapping.protection & PROT_WRITE != 0 ? "w" : "-")
        + (mapping.protection & PROT_EXEC != 0 ? "x" : "-") + (mapping.isShared ? "s" : "p")
      return "\(range) \(letters) 00000000 00:00 0 \(mapping.path)\n"
    }
    return Array(lines.joined().utf8)
  }

  /// The name that the kernel has for a thread; empty when the thread is gone.
  func commandName(of thread: ThreadID, in world: (any World)? = nil) -> [UInt8] {
    if (world ?? self.world).isElsewhere { return [] }
    let path = "/proc/\(thread)/comm"
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return [] }
    defer { close(number) }
    var name = [UInt8](repeating: 0, count: 64)
    let count = max(0, read(number, &name, name.count))
    return Array(name[..<count].prefix { $0 != UInt8(ascii: "\n") })
  }
}
