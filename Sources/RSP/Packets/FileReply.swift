// SPDX-License-Identifier: GPL-3.0-only

/// What a `vFile` packet is answered with: `F result [,errno] [;attachment]`, numbers in hex.
package enum FileReply {
  /// Success: the call's value, and bytes if it brought any.
  package static func result(_ value: Int, attachment: [UInt8]? = nil) -> Reply {
    let tail = attachment.map { [UInt8(ascii: ";")] + $0 } ?? []
    return Reply([UInt8(ascii: "F")] + Hex.number(value) + tail)
  }

  /// The value that a reply tells; nil when it tells of a failure.
  package static func value(_ reply: [UInt8]) -> Int? {
    guard reply.first == UInt8(ascii: "F") else { return nil }
    let digits = reply.dropFirst().prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
    guard let value = Int(String(decoding: digits, as: UTF8.self), radix: 16), value >= 0 else {
      return nil
    }
    return value
  }

  /// Failure, with gdb's number of the reason.
  package static func failure(_ code: FileErrorNumber) -> Reply {
    Reply([UInt8]("F-1,".utf8) + Hex.number(code.rawValue))
  }
}

/// gdb's own File-I/O error numbers; most, but not all, equal Linux's.
package enum FileErrorNumber: Int32, Hashable, Sendable, CaseIterable {
  case notPermitted = 1
  case noEntry = 2
  case interrupted = 4
  case badDescriptor = 9
  case accessDenied = 13
  case badAddress = 14
  case busy = 16
  case exists = 17
  case noDevice = 19
  case notDirectory = 20
  case isDirectory = 21
  case invalid = 22
  case tooManyFilesInSystem = 23
  case tooManyFiles = 24
  case tooLarge = 27
  case noSpace = 28
  case illegalSeek = 29
  case readOnlyFileSystem = 30
  case notImplemented = 88
  case nameTooLong = 91
  case unknown = 9999

  /// From the kernel's number.
  package init(linux number: Int32) {
    switch number {
    case 36: self = .nameTooLong
    case 38: self = .notImplemented
    case 88, 91: self = .unknown
    default: self = Self(rawValue: number) ?? .unknown
    }
  }
}

/// A file's status in File-I/O's 64 bytes, big-endian (manual, "struct stat").
package struct FileStatus: Hashable, Sendable {
  package var device: UInt64 = 0
  package var inode: UInt64 = 0
  /// File type and permissions: the octal values are the kernel's.
  package var mode: UInt32 = 0
  package var links: UInt64 = 0
  package var user: UInt32 = 0
  package var group: UInt32 = 0
  package var specialDevice: UInt64 = 0
  package var size: UInt64 = 0
  package var blockSize: UInt64 = 0
  package var blocks: UInt64 = 0
  package var accessed: Int64 = 0
  package var modified: Int64 = 0
  package var changed: Int64 = 0

  package init() {}

  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: some BinaryInteger, width: Int) {
      let value = UInt64(truncatingIfNeeded: value)
      for byte in (0..<width).reversed() {
        bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
      }
    }
    append(device, width: 4)
    append(inode, width: 4)
    append(mode, width: 4)
    append(links, width: 4)
    append(user, width: 4)
    append(group, width: 4)
    append(specialDevice, width: 4)
    append(size, width: 8)
    append(blockSize, width: 8)
    append(blocks, width: 8)
    append(accessed, width: 4)
    append(modified, width: 4)
    append(changed, width: 4)
    return bytes
  }
}
