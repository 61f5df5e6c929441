// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Testing

@testable import XVCore

/// The machine code of an ELF file: its section `.text`.
struct TextSection {
  var address: UInt64
  var bytes: [UInt8]

  /// Section headers: elf(5).
  init(of path: String) throws {
    let file = try Self.read(path)
    func word(_ offset: Int, _ size: Int) -> Int {
      (0..<size).reduce(0) { $0 | Int(file[offset + $1]) << ($1 * 8) }
    }
    try #require(file.count > 64 && file[0..<4] == [0x7f, 0x45, 0x4c, 0x46])
    let table = word(0x28, 8)
    let entrySize = word(0x3a, 2)
    let names = word(table + word(0x3e, 2) * entrySize + 0x18, 8)
    let text = (0..<word(0x3c, 2)).map { table + $0 * entrySize }.first { header in
      let name = names + word(header, 4)
      return Array(file[name..<(name + 6)]) == Array(".text".utf8) + [0]
    }
    let header = try #require(text, "\(path) has no .text")
    address = UInt64(word(header + 0x10, 8))
    let start = word(header + 0x18, 8)
    bytes = Array(file[start..<(start + word(header + 0x20, 8))])
  }

  /// Decodes from the beginning on; what is no instruction is passed over byte by byte.
  func forEachInstruction(
    _ decoder: inout Decoder,
    _ body: (inout Decoder, _ at: UnsafePointer<UInt8>, Instruction) throws -> Void
  ) throws {
    try bytes.withUnsafeBufferPointer { bytes in
      let start = try #require(bytes.baseAddress)
      var offset = 0
      while offset < bytes.count {
        let at = start + offset
        let available = min(15, bytes.count - offset)
        guard let instruction = decoder.decode(at, available: available, address: address + UInt64(offset)) else {
          offset += 1
          continue
        }
        try body(&decoder, at, instruction)
        offset += Int(instruction.length)
      }
    }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"), "\(path) cannot be read")
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: ftell(file))
    rewind(file)
    let count = fread(&bytes, 1, bytes.count, file)
    try #require(count == bytes.count)
    return bytes
  }
}
