// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP

/// The server's own messages.
///
/// stdout is the program's.
enum Diagnostics {
  /// `--debug-format=timestamp`: lines begin with seconds and microseconds. Set before there are threads.
  nonisolated(unsafe) static var hasTimestamps = false

  /// Writes a line to stderr in one piece, so that it is not torn by what the program prints.
  static func print(_ line: String) { write(Array(line.utf8)) }

  /// `--debug`: a packet as text, what is not printable as \xNN.
  static func packet(_ direction: Connection.Direction, _ content: [UInt8]) {
    var line = hasTimestamps ? timestamp : []
    line += Array((direction == .received ? "<- " : "-> ").utf8)
    for byte in content.prefix(2048) {
      if (0x20..<0x7f).contains(byte), byte != UInt8(ascii: "\\") {
        line.append(byte)
      } else {
        line += Array("\\x".utf8) + Hex.byte(byte)
      }
    }
    if content.count > 2048 { line += Array(" ... \(content.count) bytes".utf8) }
    write(line)
  }

  /// All that follows goes to a file.
  static func redirect(to path: String) throws(EndpointError) {
    let number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
    guard number >= 0 else {
      throw .failed(what: path, reason: String(cString: strerror(errno)))
    }
    dup2(number, 2)
    close(number)
  }

  private static var timestamp: [UInt8] {
    var time = timeval()
    gettimeofday(&time, nil)
    let fraction = String(1_000_000 + time.tv_usec).dropFirst()
    return Array("\(time.tv_sec).\(fraction) ".utf8)
  }

  private static func write(_ line: [UInt8]) {
    let line = line + [UInt8(ascii: "\n")]
    // Nobody is left to be told that stderr is closed.
    _ = Glibc.write(2, line, line.count)
  }
}
