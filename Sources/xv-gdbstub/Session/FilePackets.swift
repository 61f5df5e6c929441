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
    if let remote = world as? RemoteWorld { return Reply(try remote.relay(packet)) }
    return files.answer(packet)
  }

  /// The name that the kernel has for a thread; empty when the thread is gone.
  func commandName(of thread: ThreadID) -> [UInt8] {
    if world.isElsewhere { return [] }
    let path = "/proc/\(thread)/comm"
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return [] }
    defer { close(number) }
    var name = [UInt8](repeating: 0, count: 64)
    let count = max(0, read(number, &name, name.count))
    return Array(name[..<count].prefix { $0 != UInt8(ascii: "\n") })
  }
}
