// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The lines of /proc/PID/maps.
struct AddressMap {
  struct Line {
    var range: Range<UInt64>
    var protection: Int32
    var isShared: Bool
    /// Of the range's first byte in the file.
    var offset: UInt64
    /// Of the mapped file, as stat(2) tells it on most filesystems.
    var device: UInt64
    var inode: UInt64
    var path: String
  }

  var lines: [Line] = []

  /// Reads the map of a process; empty when it is gone.
  init(process: Int32) {
    guard let text = AddressMap.contents(of: "/proc/\(process)/maps") else { return }
    for line in text.split(separator: UInt8(ascii: "\n")) {
      if let parsed = AddressMap.parse(line) { lines.append(parsed) }
    }
  }

  /// A free hole of `size` bytes at one of `candidates`, the first that is free.
  func firstFree(_ candidates: some Sequence<UInt64>, size: UInt64) -> UInt64? {
    candidates.first { start in
      let wanted = start..<(start &+ size)
      return !lines.contains { $0.range.overlaps(wanted) }
    }
  }

  static func contents(of path: String) -> [UInt8]? {
    let descriptor = xv_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var result: [UInt8] = []
    // The kernel hands out a page of such a file at a time (fs/seq_file.c).
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count <= 0 { return result }
      result.append(contentsOf: chunk[..<count])
    }
  }

  /// `start-end rwxp offset dev inode   path`
  static func parse(_ line: ArraySlice<UInt8>) -> Line? {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    guard fields.count >= 5 else { return nil }
    let bounds = fields[0].split(separator: UInt8(ascii: "-"))
    guard bounds.count == 2, let low = hex(bounds[0]), let high = hex(bounds[1]) else { return nil }
    let flags = Array(fields[1])
    let protection: Int32 =
      (flags[0] == UInt8(ascii: "r") ? 1 : 0) | (flags[1] == UInt8(ascii: "w") ? 2 : 0)
      | (flags[2] == UInt8(ascii: "x") ? 4 : 0)
    let path =
      fields.count > 5
      ? String(decoding: fields[5].drop { $0 == UInt8(ascii: " ") }, as: UTF8.self) : ""
    return Line(
      range: low..<high, protection: protection, isShared: flags[3] == UInt8(ascii: "s"),
      offset: hex(fields[2]) ?? 0, device: device(fields[3]),
      inode: UInt64(String(decoding: fields[4], as: UTF8.self)) ?? 0, path: path)
  }

  /// `major:minor`, put together as by makedev(3).
  private static func device(_ field: ArraySlice<UInt8>) -> UInt64 {
    let numbers = field.split(separator: UInt8(ascii: ":")).map { hex($0) ?? 0 }
    guard numbers.count == 2 else { return 0 }
    let (major, minor) = (numbers[0], numbers[1])
    return (major & 0xfff) << 8 | (major & ~0xfff) << 32 | minor & 0xff | (minor & ~0xff) << 12
  }

  private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
    UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
