// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux
internal import RSP

/// The files that the client has open through the connection, by its handles.
///
/// They are the server's descriptors, opened on the machine where the program runs, with the
/// server's rights, which are the program's own.
package struct FileTable {
  /// A reference, because a dictionary cannot hold what cannot be copied.
  private final class OpenFile {
    let descriptor: OwnedDescriptor
    /// What is read instead of the file itself.
    let content: [UInt8]?

    init(_ descriptor: consuming OwnedDescriptor, content: [UInt8]?) {
      self.descriptor = descriptor
      self.content = content
    }
  }

  /// More than a debugger needs, and few enough to leave the server descriptors of its own.
  private static let mostFiles = 256
  private var files: [Int: OpenFile] = [:]

  /// With `content`, that is what is read, whatever the file holds.
  mutating func open(
    _ path: [UInt8], _ flags: FileOpenFlags, mode: UInt32, content: [UInt8]? = nil
  ) -> Reply {
    guard let handle = (0..<Self.mostFiles).first(where: { files[$0] == nil }) else {
      return FileReply.failure(.tooManyFiles)
    }
    let (number, code) = openFile(path, flags.kernelFlags | O_CLOEXEC | O_NOCTTY, mode & 0o7777)
    guard number >= 0 else { return failure(code) }
    var content = content
    if ProcessMapping.isList(path) { content = ProcessMapping.withoutOwn(readToEnd(number)) }
    files[handle] = OpenFile(OwnedDescriptor(owning: number), content: content)
    return FileReply.result(handle)
  }

  mutating func close(_ handle: Int) -> Reply {
    files.removeValue(forKey: handle) == nil
      ? FileReply.failure(.badDescriptor) : FileReply.result(0)
  }

  func read(_ handle: Int, count: Int, offset: Int) -> Reply {
    guard let file = files[handle] else { return FileReply.failure(.badDescriptor) }
    var code: Int32 = 0
    // Half a packet, because each byte may need an escape.
    let size = min(count, Connection.packetSize / 2 - 32)
    if let content = file.content {
      let window = content.dropFirst(offset).prefix(size)
      return FileReply.result(window.count, attachment: Array(window))
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      let (result, failure) = readFile(
        file.descriptor.number,
        UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size), offset)
      filled = max(0, result)
      code = failure
    }
    return code == 0 ? FileReply.result(bytes.count, attachment: bytes) : failure(code)
  }

  func write(_ handle: Int, _ bytes: [UInt8], offset: Int) -> Reply {
    guard let file = files[handle] else { return FileReply.failure(.badDescriptor) }
    let (result, code) = writeFile(file.descriptor.number, bytes, offset)
    return result >= 0 ? FileReply.result(result) : failure(code)
  }

  func status(of handle: Int) -> Reply {
    guard let file = files[handle] else { return FileReply.failure(.badDescriptor) }
    var status = stat()
    return reply(fstat(file.descriptor.number, &status) == 0 ? 0 : errno, status)
  }

  func status(at path: [UInt8]) -> Reply {
    var status = stat()
    let code = withPath(path) { lstat($0, &status) == 0 ? 0 : errno }
    return reply(code, status)
  }

  func readLink(_ path: [UInt8]) -> Reply {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    var count = 0
    let code: Int32 = withPath(path) { path in
      count = readlink(path, &target, target.count)
      return count >= 0 ? 0 : errno
    }
    guard code == 0 else { return failure(code) }
    return FileReply.result(count, attachment: Array(target[..<count]))
  }

  func unlink(_ path: [UInt8]) -> Reply {
    let code = withPath(path) { Glibc.unlink($0) == 0 ? 0 : errno }
    return code == 0 ? FileReply.result(0) : failure(code)
  }

  private func reply(_ code: Int32, _ status: stat) -> Reply {
    guard code == 0 else { return failure(code) }
    let encoded = FileStatus(status).encoded
    return FileReply.result(encoded.count, attachment: encoded)
  }

  private func failure(_ code: Int32) -> Reply { FileReply.failure(FileErrorNumber(linux: code)) }
}

extension FileOpenFlags {
  /// The kernel's flags for gdb's.
  var kernelFlags: Int32 {
    var flags = contains(.readWrite) ? O_RDWR : contains(.writeOnly) ? O_WRONLY : O_RDONLY
    if contains(.append) { flags |= O_APPEND }
    if contains(.create) { flags |= O_CREAT }
    if contains(.truncate) { flags |= O_TRUNC }
    if contains(.exclusive) { flags |= O_EXCL }
    return flags
  }
}

extension FileStatus {
  init(_ status: stat) {
    self.init()
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    mode = status.st_mode
    links = UInt64(status.st_nlink)
    user = status.st_uid
    group = status.st_gid
    specialDevice = UInt64(status.st_rdev)
    size = UInt64(bitPattern: Int64(status.st_size))
    blockSize = UInt64(bitPattern: Int64(status.st_blksize))
    blocks = UInt64(bitPattern: Int64(status.st_blocks))
    accessed = Int64(status.st_atim.tv_sec)
    modified = Int64(status.st_mtim.tv_sec)
    changed = Int64(status.st_ctim.tv_sec)
  }
}

/// Gives a path to the kernel; one with a zero byte in it names nothing.
private func withPath<Result>(
  _ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
) -> Result where Result: ExpressibleByIntegerLiteral {
  if path.contains(0) { return 22 }
  return (path.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer { buffer in
    guard let start = buffer.baseAddress else { return 22 }
    return body(start)
  }
}

// Each call stands with the reading of errno in a function of its own that is never inlined.
@inline(never)
private func openFile(_ path: [UInt8], _ flags: Int32, _ mode: UInt32) -> (Int32, Int32) {
  var number: Int32 = -1
  let code: Int32 = withPath(path) { path in
    number = Glibc.open(path, flags, mode)
    return number < 0 ? errno : 0
  }
  return (number, code)
}

@inline(never)
private func readFile(
  _ number: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ offset: Int
) -> (Int, Int32) {
  let result = pread(number, buffer.baseAddress, buffer.count, off_t(offset))
  return (result, result < 0 ? errno : 0)
}

extension FileTable {
  /// What a file of /proc holds; nil when it cannot be read.
  package static func readWhole(_ path: String) -> [UInt8]? {
    let (number, _) = openFile(Array(path.utf8), O_RDONLY | O_CLOEXEC, 0)
    guard number >= 0 else { return nil }
    let file = OwnedDescriptor(owning: number)
    return readToEnd(file.number)
  }
}

/// A file of /proc, which has no size and can be read to its end only.
private func readToEnd(_ number: Int32) -> [UInt8] {
  var content: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while case let count = Glibc.read(number, &buffer, buffer.count), count > 0 {
    content += buffer[..<count]
  }
  return content
}

@inline(never)
private func writeFile(_ number: Int32, _ bytes: [UInt8], _ offset: Int) -> (Int, Int32) {
  let result = pwrite(number, bytes, bytes.count, off_t(offset))
  return (result, result < 0 ? errno : 0)
}
