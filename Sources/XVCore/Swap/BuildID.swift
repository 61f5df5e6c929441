// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The NT_GNU_BUILD_ID of an ELF file.
enum BuildID {
  /// Empty when the file has none.
  static func of(_ path: String) -> [UInt8] {
    let descriptor = xv_open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    let header = SwapImage.bytes(descriptor, 0, SwapLayout.headerSize)
    // ELFCLASS64, ELFDATA2LSB.
    guard header.count == SwapLayout.headerSize, header[..<6] == [0x7f, 0x45, 0x4c, 0x46, 2, 1] else {
      return []
    }
    let size = SwapLayout.segmentSize
    let count = Int(header.unsigned(at: 56, as: UInt16.self))
    let table = SwapImage.bytes(descriptor, header.unsigned(at: 32), count * size)
    for at in stride(from: 0, to: table.count - size + 1, by: size)
    where table.unsigned(at: at, as: UInt32.self) == 4 {  // PT_NOTE
      let length = Int(min(65536, table.unsigned(at: at + 32, as: UInt64.self)))
      let notes = SwapImage.bytes(descriptor, table.unsigned(at: at + 8), length)
      let alignment = table.unsigned(at: at + 48, as: UInt64.self) == 8 ? 8 : 4
      if let found = found(in: notes, alignment: alignment) { return found }
    }
    return []
  }

  private static func found(in notes: [UInt8], alignment: Int) -> [UInt8]? {
    func aligned(_ value: Int) -> Int { (value + alignment - 1) / alignment * alignment }
    var position = 0
    while position + 12 <= notes.count {
      let name = position + 12
      let start = aligned(name + Int(notes.unsigned(at: position, as: UInt32.self)))
      let end = start + Int(notes.unsigned(at: position + 4, as: UInt32.self))
      guard end <= notes.count else { return nil }
      let isBuildID = notes.unsigned(at: position + 8, as: UInt32.self) == 3
      if isBuildID, notes[name..<start].starts(with: "GNU\0".utf8) { return Array(notes[start..<end]) }
      position = aligned(end)
    }
    return nil
  }

  static func text(_ id: [UInt8]) -> String {
    if id.isEmpty { return "none" }
    return id.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
