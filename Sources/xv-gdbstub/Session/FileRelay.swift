// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM

/// Files of other machines that a client has open through this server.
///
/// Each machine counts its own handles, so that the client is given others.
struct FileRelay {
  /// Beyond any that this server gives for files of its own machine.
  private static let firstHandle = 1 << 20
  private var opened: [Int: (inferior: Inferior, handle: Int)] = [:]
  private var next = Self.firstHandle
  /// The process whose files names stand for, as `vFile:setfs` told; 0 when the client leaves it open.
  var process: UInt64 = 0

  mutating func keep(_ handle: Int, of inferior: Inferior) -> Int {
    defer { next += 1 }
    opened[next] = (inferior, handle)
    return next
  }

  func find(_ handle: Int) -> (inferior: Inferior, handle: Int)? { opened[handle] }
  mutating func forget(_ handle: Int) { opened[handle] = nil }
}

extension StubSession {
  /// The answer of the machine whose files a packet is about; nil when that is this one.
  func relay(_ packet: FilePacket) throws(WorldError) -> Reply? {
    if case .setFileSystem(let process) = packet { relay.process = process }
    if let handle = packet.handle {
      guard let file = relay.find(handle), let remote = file.inferior.world as? RemoteWorld else {
        return nil
      }
      if case .close = packet { relay.forget(handle) }
      return Reply(try remote.relay(packet.with(handle: file.handle)))
    }
    let inferior = inferior(of: relay.process) ?? current
    guard let remote = inferior.world as? RemoteWorld else { return nil }
    let answer = try remote.relay(packet.translated(from: inferior))
    guard case .open = packet, let handle = FileReply.value(answer) else { return Reply(answer) }
    return FileReply.result(relay.keep(handle, of: inferior))
  }
}

extension FilePacket {
  fileprivate var handle: Int? {
    switch self {
    case .close(let handle), .read(let handle, _, _), .write(let handle, _, _), .statusOf(let handle):
      handle
    default: nil
    }
  }

  fileprivate func with(handle: Int) -> FilePacket {
    switch self {
    case .close: .close(handle)
    case .read(_, let count, let offset): .read(handle, count: count, offset: offset)
    case .write(_, let offset, let bytes): .write(handle, offset: offset, bytes: bytes)
    case .statusOf: .statusOf(handle)
    default: self
    }
  }

  /// With the number that the process has on its own machine.
  fileprivate func translated(from inferior: Inferior) -> FilePacket {
    let own = inferior.world.processID
    guard own != inferior.processID else { return self }
    func path(_ path: [UInt8]) -> [UInt8] {
      let folder = Array("/proc/\(inferior.processID)/".utf8)
      guard path.starts(with: folder) else { return path }
      return Array("/proc/\(own)/".utf8) + path.dropFirst(folder.count)
    }
    switch self {
    case .setFileSystem(let process) where process == UInt64(inferior.processID):
      return .setFileSystem(process: UInt64(own))
    case .open(let name, let flags, let mode): return .open(path: path(name), flags: flags, mode: mode)
    case .readLink(let name): return .readLink(path: path(name))
    case .statusAt(let name): return .statusAt(path: path(name))
    case .statusOfLink(let name): return .statusOfLink(path: path(name))
    default: return self
    }
  }
}
