// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc
internal import XVCore

/// What the notes of a core file tell: threads, signal, auxiliary vector, files.
struct CoreNotes: Sendable {
  private enum Kind {
    static let status: UInt32 = 1
    static let floatingPoint: UInt32 = 2
    static let process: UInt32 = 3
    static let auxiliaryVector: UInt32 = 6
    static let xsave: UInt32 = 0x202
    static let signalInformation: UInt32 = 0x5349_4749
    static let files: UInt32 = 0x4649_4c45
  }

  struct Thread: Sendable {
    var id: ThreadID
    var signal: Int32
    var registers: Registers
    var signalInformation: [UInt8]
  }

  /// A mapping of a file.
  struct File: Sendable {
    var range: Range<UInt64>
    var offset: UInt64
    var path: String
  }

  /// The first is the one at which the program stood.
  private(set) var threads: [Thread] = []
  private(set) var processID: Int32 = 0
  /// The program's name, cut off at 15 characters, and its arguments, at 79.
  private(set) var name = ""
  private(set) var arguments = ""
  private(set) var auxiliaryVector: [UInt8] = []
  private(set) var files: [File] = []

  init(_ notes: [CoreFile.Note]) {
    for note in notes {
      switch note.kind {
      case Kind.status where note.bytes.count >= 336: addThread(note.bytes)
      // Of the last thread that was told.
      case Kind.floatingPoint where !threads.isEmpty && note.bytes.count >= 512:
        if threads[threads.count - 1].registers.extended.isEmpty {
          threads[threads.count - 1].registers.extended = Self.area(ofLegacy: note.bytes)
        }
      case Kind.xsave where !threads.isEmpty && note.bytes.count >= 576:
        threads[threads.count - 1].registers.extended = note.bytes
      case Kind.signalInformation where !threads.isEmpty:
        threads[threads.count - 1].signalInformation = note.bytes
      case Kind.process where note.bytes.count >= 136:
        processID = note.bytes.field(at: 24)
        name = Self.string(note.bytes[40..<56])
        arguments = Self.string(note.bytes[56..<136])
      case Kind.auxiliaryVector: auxiliaryVector = note.bytes
      case Kind.files: files = Self.files(note.bytes)
      default: break
      }
    }
    if processID == 0 { processID = threads.first?.id.rawValue ?? 0 }
  }

  /// struct elf_prstatus of <sys/procfs.h>.
  private mutating func addThread(_ bytes: [UInt8]) {
    let signal: Int16 = bytes.field(at: 12)
    let id: Int32 = bytes.field(at: 32)
    var general = user_regs_struct()
    withUnsafeMutableBytes(of: &general) { $0.copyBytes(from: bytes[112..<112 + $0.count]) }
    threads.append(
      Thread(
        id: ThreadID(id), signal: Int32(signal), registers: Registers(general: general),
        signalInformation: []))
  }

  /// An XSAVE area that holds what FXSAVE stored.
  private static func area(ofLegacy bytes: [UInt8]) -> [UInt8] {
    var area = Array(bytes[..<512]) + [UInt8](repeating: 0, count: 64)
    area.store(UInt64(3), at: 464)
    area.store(UInt64(3), at: 512)
    return area
  }

  private static func string(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Count, page size, triples of start, end and page offset, then the names.
  private static func files(_ bytes: [UInt8]) -> [File] {
    guard bytes.count >= 16, let count = Int(exactly: bytes.word(at: 0)),
      count <= (bytes.count - 16) / 24
    else { return [] }
    let pageSize = bytes.word(at: 8)
    let names = bytes[(16 + count * 24)...].split(
      separator: 0, omittingEmptySubsequences: false)
    return (0..<count).compactMap { index in
      let start = bytes.word(at: 16 + index * 24)
      let end = bytes.word(at: 24 + index * 24)
      guard start < end, index < names.count else { return nil }
      return File(
        range: start..<end, offset: bytes.word(at: 32 + index * 24) &* pageSize,
        path: String(decoding: names[index], as: UTF8.self))
    }
  }
}
