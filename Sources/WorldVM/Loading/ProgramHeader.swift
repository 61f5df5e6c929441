// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// One ELF64 program header, as far as a load state needs it.
struct ProgramHeader: Hashable, Sendable {
  static let size = 56

  enum Kind: UInt32 {
    case load = 1
    case dynamic = 2
    case interpreter = 3
    case note = 4
    case programHeaders = 6
    case threadLocals = 7
  }

  /// Nil for the kinds that are of no interest here.
  var kind: Kind?
  var address: UInt64
  var memorySize: UInt64
  var flags: UInt32
  var fileOffset: UInt64
  var fileSize: UInt64
  var alignment: UInt64

  init(_ bytes: [UInt8], at offset: Int) {
    kind = Kind(rawValue: bytes.halfWord(at: offset))
    address = bytes.word(at: offset + 16)
    flags = bytes.halfWord(at: offset + 4)
    fileOffset = bytes.word(at: offset + 8)
    fileSize = bytes.word(at: offset + 32)
    memorySize = bytes.word(at: offset + 40)
    alignment = bytes.word(at: offset + 48)
  }

  static func read(
    at address: Address, count: Int, in memory: some ReadableMemory
  ) throws(WorldError) -> [ProgramHeader] {
    // e_phnum has 16 bits; a larger number is not a program's.
    guard count >= 0, count <= Int(UInt16.max) else { return [] }
    let bytes = try memory.read(from: address, count: count * size)
    return (0..<count).map { ProgramHeader(bytes, at: $0 * size) }
  }

  /// The headers of an ELF image that was mapped at `base`; empty when none stands there.
  static func ofImage(
    at base: Address, in memory: some ReadableMemory
  ) throws(WorldError) -> [ProgramHeader] {
    let header = try memory.read(from: base, count: 64)
    guard header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return [] }
    let count: UInt16 = header.field(at: 56)
    return try read(at: base + header.word(at: 32), count: Int(count), in: memory)
  }
}

extension [ProgramHeader] {
  func first(_ kind: ProgramHeader.Kind) -> ProgramHeader? { first { $0.kind == kind } }
}
