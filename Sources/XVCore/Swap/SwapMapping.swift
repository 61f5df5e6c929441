// SPDX-License-Identifier: GPL-3.0-only

/// One mapping of a program that was written to disk.
struct SwapMapping: SwapCodable {
  enum Kind: UInt64 {
    case anonymous
    /// Shared, and of no file: nobody else has it, which was seen to.
    case sharedAnonymous
    case privateFile
    /// What it holds is the file's.
    case sharedFile
    /// The kernel's: vdso, vvar. Moved, not made.
    case special
  }

  /// What mmap(2) and madvise(2) are told besides.
  struct Flags: OptionSet, Hashable, Sendable {
    let rawValue: UInt64
    static let growsDown = Flags(rawValue: 1)
    static let noReserve = Flags(rawValue: 2)
    static let dontFork = Flags(rawValue: 4)
    static let wipeOnFork = Flags(rawValue: 8)
    static let dontDump = Flags(rawValue: 16)
    static let hugePages = Flags(rawValue: 32)
    static let noHugePages = Flags(rawValue: 64)
    static let locked = Flags(rawValue: 128)
    /// A shared mapping of a file that is open for writing.
    static let mayWrite = Flags(rawValue: 256)

    /// By the letters of "VmFlags" in /proc/PID/smaps (proc(5)).
    static let names: [String: Flags] = [
      "gd": .growsDown, "nr": .noReserve, "dc": .dontFork, "wf": .wipeOnFork, "dd": .dontDump,
      "hg": .hugePages, "nh": .noHugePages, "lo": .locked, "mw": .mayWrite,
    ]

    /// The advice by which each is asked for.
    static let advices: [(flag: Flags, advice: UInt64)] = [
      (.dontFork, 10), (.wipeOnFork, 18), (.dontDump, 16), (.hugePages, 14), (.noHugePages, 15),
    ]
  }

  var range: Range<UInt64>
  var protection: UInt64
  var kind: Kind
  var flags: Flags
  /// As /proc/PID/maps names it.
  var path = ""
  var offset: UInt64 = 0
  /// Of the bytes of the file that are mapped; of those of `special`, if they can be read.
  var checksum: UInt64 = 0
  /// Of a file that is mapped privately; empty when it has none.
  var buildID: [UInt8] = []

  func write(to writer: inout SwapWriter) {
    writer.word(range.lowerBound)
    writer.word(range.upperBound)
    writer.word(protection)
    writer.word(kind.rawValue)
    writer.word(flags.rawValue)
    writer.text(path)
    writer.word(offset)
    writer.word(checksum)
    writer.block(buildID)
  }

  init(from reader: inout SwapReader) throws(SwapDamage) {
    let start = try reader.word()
    let end = try reader.word()
    guard start < end else { throw SwapDamage("it has a mapping without an end") }
    range = start..<end
    protection = try reader.word()
    guard let kind = Kind(rawValue: try reader.word()) else {
      throw SwapDamage("it has a mapping of an unknown kind")
    }
    self.kind = kind
    flags = Flags(rawValue: try reader.word())
    path = try reader.text()
    offset = try reader.word()
    checksum = try reader.word()
    buildID = try reader.block()
  }

  init(range: Range<UInt64>, protection: UInt64, kind: Kind, flags: Flags) {
    self.range = range
    self.protection = protection
    self.kind = kind
    self.flags = flags
  }
}
