// SPDX-License-Identifier: GPL-3.0-only

/// `vFile`: the files that the program sees, through the connection (manual, "Host I/O Packets").
package enum FilePacket: Hashable, Sendable {
  case setFileSystem(process: UInt64)
  case open(path: [UInt8], flags: FileOpenFlags, mode: UInt32)
  case close(Int)
  case read(Int, count: Int, offset: Int)
  case write(Int, offset: Int, bytes: [UInt8])
  case statusOf(Int)
  case statusAt(path: [UInt8])
  case statusOfLink(path: [UInt8])
  case readLink(path: [UInt8])
  case unlink(path: [UInt8])
  // lldb's own.
  case size(path: [UInt8])
  case mode(path: [UInt8])
  case exists(path: [UInt8])
  case digest(path: [UInt8])
  case link(path: [UInt8], target: [UInt8])

  static func parse(_ scanner: inout PacketScanner) -> Packet? {
    switch String(decoding: scanner.field(before: ":"), as: UTF8.self) {
    case "setfs": scanner.hex().map { .file(.setFileSystem(process: $0)) }
    case "open": open(&scanner)
    case "close": scanner.count().map { .file(.close($0)) }
    case "pread": read(&scanner)
    case "pwrite": write(&scanner)
    case "fstat": scanner.count().map { .file(.statusOf($0)) }
    case "stat": scanner.hexBytes().map { .file(.statusAt(path: $0)) }
    case "lstat": scanner.hexBytes().map { .file(.statusOfLink(path: $0)) }
    case "readlink": scanner.hexBytes().map { .file(.readLink(path: $0)) }
    case "unlink": scanner.hexBytes().map { .file(.unlink(path: $0)) }
    case "size": scanner.hexBytes().map { .file(.size(path: $0)) }
    case "mode": scanner.hexBytes().map { .file(.mode(path: $0)) }
    case "exists": scanner.hexBytes().map { .file(.exists(path: $0)) }
    case "MD5": scanner.hexBytes().map { .file(.digest(path: $0)) }
    case "symlink": link(&scanner)
    default: .unknown
    }
  }

  private static func open(_ scanner: inout PacketScanner) -> Packet? {
    guard let path = Hex.decode(scanner.field(before: ",")), let flags = scanner.count(),
      scanner.skip(","), let mode = scanner.count(), scanner.isAtEnd
    else { return nil }
    let wanted = FileOpenFlags(rawValue: UInt32(flags))
    return .file(.open(path: path, flags: wanted, mode: UInt32(mode)))
  }

  /// What the link points to comes first.
  private static func link(_ scanner: inout PacketScanner) -> Packet? {
    guard let target = Hex.decode(scanner.field(before: ",")), let path = scanner.hexBytes() else {
      return nil
    }
    return .file(.link(path: path, target: target))
  }

  private static func read(_ scanner: inout PacketScanner) -> Packet? {
    guard let file = scanner.count(), scanner.skip(","), let count = scanner.count(),
      scanner.skip(","), let offset = scanner.hex(), offset <= Int.max, scanner.isAtEnd
    else { return nil }
    return .file(.read(file, count: count, offset: Int(offset)))
  }

  private static func write(_ scanner: inout PacketScanner) -> Packet? {
    guard let file = scanner.count(), scanner.skip(","), let offset = scanner.hex(),
      offset <= Int.max, scanner.skip(",")
    else { return nil }
    return .file(.write(file, offset: Int(offset), bytes: Array(scanner.rest)))
  }
}

/// gdb's own File-I/O numbers for `open`; they are not the kernel's.
package struct FileOpenFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let writeOnly = Self(rawValue: 0x1)
  package static let readWrite = Self(rawValue: 0x2)
  package static let append = Self(rawValue: 0x8)
  package static let create = Self(rawValue: 0x200)
  package static let truncate = Self(rawValue: 0x400)
  package static let exclusive = Self(rawValue: 0x800)
}
