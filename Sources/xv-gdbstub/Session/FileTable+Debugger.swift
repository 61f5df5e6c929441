// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux
internal import RSP

/// What lldb asks of files beyond gdb's protocol. Its replies are not all of gdb's form.
extension FileTable {
  func size(of path: [UInt8]) -> Reply {
    var status = stat()
    let code = Self.errorNumber(of: path) { stat($0, &status) }
    guard code == 0 else { return FileReply.failure(FileErrorNumber(linux: code)) }
    let digits = String(status.st_size, radix: 16)
    return Reply("F" + String(repeating: "0", count: 16 - digits.count) + digits)
  }

  func mode(of path: [UInt8]) -> Reply {
    var status = stat()
    let code = Self.errorNumber(of: path) { stat($0, &status) }
    guard code == 0 else { return FileReply.failure(FileErrorNumber(linux: code)) }
    return FileReply.result(Int(status.st_mode & 0o7777))
  }

  func exists(_ path: [UInt8]) -> Reply {
    Reply(Self.errorNumber(of: path) { access($0, F_OK) } == 0 ? "F,1" : "F,0")
  }

  /// Two numbers of sixteen digits; `F,x` when the file cannot be read.
  func digest(of path: [UInt8]) -> Reply {
    var number: Int32 = -1
    var status = stat()
    let code = Self.errorNumber(of: path) {
      number = Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
      return number
    }
    guard code == 0 else { return Reply("F,x") }
    let file = OwnedDescriptor(owning: number)
    // A device or a pipe may never end.
    guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return Reply("F,x")
    }
    var digest = MD5()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = Glibc.read(file.number, &buffer, buffer.count), count > 0 {
      digest.add(buffer[..<count])
    }
    let (low, high) = digest.finish()
    return Reply("F,\(Self.digits(low))\(Self.digits(high))")
  }

  func link(_ path: [UInt8], to target: [UInt8]) -> Reply {
    guard !target.contains(0) else { return .malformed }
    let text = target.map(CChar.init(bitPattern:)) + [0]
    let code = Self.errorNumber(of: path) { symlink(text, $0) }
    return Reply("F\(String(code, radix: 16)),\(String(code, radix: 16))")
  }

  private static func digits(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  /// The errno of a call with a path, 0 when it succeeded; a path with a zero byte names nothing.
  @inline(never)
  static func errorNumber(
    of path: [UInt8], _ call: (UnsafePointer<CChar>) -> Int32
  ) -> Int32 {
    if path.contains(0) { return EINVAL }
    let text = path.map(CChar.init(bitPattern:)) + [0]
    return call(text) >= 0 ? 0 : errno
  }
}
