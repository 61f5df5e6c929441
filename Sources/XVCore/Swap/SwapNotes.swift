// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What an image tells in its notes: first those of every core file, which gdb and lldb read, then
/// xv's own.
struct SwapNotes {
  enum Kind {
    static let status: UInt32 = 1
    static let floatingPoint: UInt32 = 2
    static let process: UInt32 = 3
    static let auxiliary: UInt32 = 6
    static let xsave: UInt32 = 0x202
    static let signal: UInt32 = 0x5349_4749
    static let files: UInt32 = 0x4649_4c45
    static let record: UInt32 = 0x5856_0001
    static let runs: UInt32 = 0x5856_0002
    static let changes: UInt32 = 0x5856_0003
    static let seal: UInt32 = 0x5856_0004
  }
  static let owner = "XV"

  var record: SwapRecord
  /// By thread.
  var registers: [Int32: Registers] = [:]
  /// The thread that the debugger was shown, and the signal that it was told.
  var current: Int32
  var signal: Int32 = 0
  var incarnation: UInt64 = 0
  var breakpoints: Set<UInt64> = []

  init(record: SwapRecord) {
    self.record = record
    current = record.threads.first?.id ?? record.process
  }

  // MARK: Writing

  /// All notes; the seal, which is the last one, is left zero, and stands at the end.
  func bytes(_ layout: SwapLayout) -> [UInt8] {
    var notes: [UInt8] = []
    let order = record.threads.sorted { first, second in
      (first.id == current ? 0 : 1, first.id) < (second.id == current ? 0 : 1, second.id)
    }
    for (index, thread) in order.enumerated() {
      notes.note("CORE", Kind.status, status(thread))
      if index == 0 {
        notes.note("CORE", Kind.process, process)
        notes.note("CORE", Kind.signal, signalInformation)
        notes.note("CORE", Kind.auxiliary, record.auxiliary)
        notes.note("CORE", Kind.files, files)
      }
      if let area = registers[thread.id]?.extended, area.count >= 576 {
        notes.note("CORE", Kind.floatingPoint, Array(area[..<512]))
        notes.note("LINUX", Kind.xsave, area)
      }
    }
    var writer = SwapWriter()
    record.write(to: &writer)
    notes.note(SwapNotes.owner, Kind.record, writer.bytes)
    writer = SwapWriter()
    writer.word(layout.isCompressed ? 1 : 0)
    writer.list(layout.runs)
    notes.note(SwapNotes.owner, Kind.runs, writer.bytes)
    writer = SwapWriter()
    writer.word(incarnation)
    writer.word(UInt64(current))
    writer.word(UInt64(signal))
    writer.list(breakpoints.sorted())
    notes.note(SwapNotes.owner, Kind.changes, writer.bytes)
    notes.note(SwapNotes.owner, Kind.seal, [UInt8](repeating: 0, count: 8))
    return notes
  }

  /// struct elf_prstatus of <sys/procfs.h>.
  private func status(_ thread: SwapThread) -> [UInt8] {
    var bytes: [UInt8] = []
    let number = thread.id == current ? signal : 0
    bytes.quarter(UInt32(number))
    bytes.whole(0)
    bytes.quarter(UInt32(number))
    bytes.whole(0)
    bytes.whole(thread.mask)
    for id in [thread.id, 0, record.process, record.process] { bytes.quarter(UInt32(id)) }
    for _ in 0..<8 { bytes.whole(0) }
    var general = registers[thread.id]?.general ?? user_regs_struct()
    withUnsafeBytes(of: &general) { bytes += $0 }
    bytes.quarter(1)
    bytes.quarter(0)
    return bytes
  }

  /// struct elf_prpsinfo.
  private var process: [UInt8] {
    var bytes: [UInt8] = [0, UInt8(ascii: "t"), 0, 0, 0, 0, 0, 0]
    bytes.whole(0)
    bytes.quarter(UInt32(truncatingIfNeeded: record.identity[0]))
    bytes.quarter(UInt32(truncatingIfNeeded: record.identity[4]))
    for id in [record.process, 0, record.process, record.process] { bytes.quarter(UInt32(id)) }
    bytes += fixed(record.threads.first { $0.id == record.process }?.name ?? "", 16)
    bytes += fixed(record.arguments.joined(separator: " "), 80)
    return bytes
  }

  private func fixed(_ text: String, _ size: Int) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(size - 1))
    return bytes + [UInt8](repeating: 0, count: size - bytes.count)
  }

  private var signalInformation: [UInt8] {
    var bytes: [UInt8] = []
    bytes.quarter(UInt32(signal))
    return bytes + [UInt8](repeating: 0, count: 124)
  }

  /// NT_FILE: count, page size, triples of start, end and page offset, then the names.
  private var files: [UInt8] {
    let mapped = record.mappings.filter { $0.kind == .privateFile || $0.kind == .sharedFile }
    var bytes: [UInt8] = []
    bytes.whole(UInt64(mapped.count))
    bytes.whole(SwapLayout.pageSize)
    for mapping in mapped {
      bytes.whole(mapping.range.lowerBound)
      bytes.whole(mapping.range.upperBound)
      bytes.whole(mapping.offset / SwapLayout.pageSize)
    }
    for mapping in mapped { bytes += Array(mapping.path.utf8) + [0] }
    return bytes
  }

  // MARK: Reading

  init(_ bytes: [UInt8], _ layout: inout SwapLayout) throws(SwapDamage) {
    var position = 0
    var thread: Int32 = 0
    var found: [Int32: Registers] = [:]
    var record: SwapRecord?
    var changes: SwapReader?
    while position + 12 <= bytes.count {
      let nameSize = Int(bytes.unsigned(at: position, as: UInt32.self))
      let size = Int(bytes.unsigned(at: position + 4, as: UInt32.self))
      let kind = bytes.unsigned(at: position + 8, as: UInt32.self)
      let start = position + 12 + (nameSize + 3) & ~3
      guard start + size <= bytes.count else { throw SwapDamage("its notes are cut off") }
      let description = Array(bytes[start..<start + size])
      position = start + (size + 3) & ~3
      switch kind {
      case Kind.status where size == 336:
        thread = Int32(truncatingIfNeeded: description.unsigned(at: 32, as: UInt32.self))
        var general = user_regs_struct()
        withUnsafeMutableBytes(of: &general) { $0.copyBytes(from: description[112..<112 + $0.count]) }
        found[thread] = Registers(general: general)
      case Kind.xsave: found[thread]?.extended = description
      case Kind.record:
        var reader = SwapReader(description)
        record = try SwapRecord(from: &reader)
      case Kind.runs:
        var reader = SwapReader(description)
        layout.isCompressed = try reader.word() != 0
        layout.runs = try reader.list()
      case Kind.changes: changes = SwapReader(description)
      default: break
      }
    }
    guard let record, var changes else { throw SwapDamage("it is a core file, but xv has not written it") }
    self.init(record: record)
    registers = found
    guard record.threads.allSatisfy({ found[$0.id] != nil }) else {
      throw SwapDamage("it has no registers of some thread")
    }
    incarnation = try changes.word()
    current = Int32(truncatingIfNeeded: try changes.word())
    signal = Int32(truncatingIfNeeded: try changes.word())
    let addresses: [UInt64] = try changes.list()
    breakpoints = Set(addresses)
  }
}
