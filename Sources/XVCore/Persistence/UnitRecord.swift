// SPDX-License-Identifier: GPL-3.0-only

/// One entry of the persistent cache: a unit, or something that was added to a unit later.
///
/// A unit's parts follow its header in this order, each padded to 8 bytes: blocks, exits, recovery
/// entries (hot, cold), relocations, followed transfers, runs of original code, the bytes of these runs, hot code, cold
/// code, literals. Addresses and offsets are those of the process that made the record; the reader
/// adds the differences.
struct UnitRecord: BitwiseCopyable {
  enum Kind: UInt8 {
    case unit
    /// A call that two units share (`Translator.shareCall`): `original` and `aux`, its length.
    case sharedCall
    /// Entries made apart from their block, for indirect jumps and for returns.
    case jumpDoor
    case returnDoor
  }

  /// Of all that follows in the record, where it lies in a file.
  var check: UInt64 = 0
  /// Bytes of the record, header and padding included.
  var size: UInt32
  var kind: Kind
  /// Holds addresses that no relocation describes: good only where the code lies as it did.
  var isAbsolute = false
  var aux: UInt16 = 0
  /// The unit's first address, or the block that a door belongs to.
  var original: UInt64
  /// Address of the file's first byte, had all of it been mapped.
  var slide: UInt64

  // Guest addresses and arena offsets where the parts stood.
  var arenaGuest: UInt64 = 0
  var hot: UInt32 = 0
  var cold: UInt32 = 0
  var literal: UInt32 = 0
  var firstExit: Int32 = 0

  var blockCount: UInt16 = 0
  var exitCount: UInt16 = 0
  var hotRecoveryCount: UInt16 = 0
  var coldRecoveryCount: UInt16 = 0
  var relocationCount: UInt16 = 0
  var runCount: UInt16 = 0
  var sourceCount: UInt16 = 0
  var literalCount: UInt16 = 0
  var followedCount: UInt16 = 0
  var hotCount: UInt32 = 0
  var coldCount: UInt32 = 0

  /// The return entry behind the unit's last call, which belongs to a block elsewhere.
  var detachedEntry: UInt32 = 0
  var detachedOriginal: UInt64 = 0
}

extension UnitRecord {
  /// What `check` must be.
  static func checksum(_ record: UnsafeRawPointer, size: Int) -> UInt64 {
    let first = MemoryLayout<UInt64>.size
    return Checksum.of(UnsafeRawBufferPointer(start: record + first, count: size - first))
  }
}

/// A piece of consecutive original code.
struct CodeRun: BitwiseCopyable {
  var original: UInt64
  var length: UInt32
}

/// The parts of a unit's record in memory.
struct UnitParts {
  let header: UnitRecord
  let blocks: UnsafeBufferPointer<Block>
  let exits: UnsafeBufferPointer<Exit>
  let hotRecovery: UnsafeBufferPointer<PackedRecovery>
  let coldRecovery: UnsafeBufferPointer<PackedRecovery>
  let relocations: UnsafeBufferPointer<UInt32>
  let followed: UnsafeBufferPointer<FollowedTransfer>
  let runs: UnsafeBufferPointer<CodeRun>
  let source: UnsafeRawBufferPointer
  let hot: UnsafeRawBufferPointer
  let cold: UnsafeRawBufferPointer
  let literals: UnsafeBufferPointer<UInt64>

  /// nil when the header's counts do not add up to its size.
  init?(at record: UnsafeRawPointer, _ header: UnitRecord) {
    self.header = header
    var cursor = record + MemoryLayout<UnitRecord>.stride
    func part<Element: BitwiseCopyable>(_ count: Int) -> UnsafeBufferPointer<Element> {
      let start = cursor.assumingMemoryBound(to: Element.self)
      cursor += (count * MemoryLayout<Element>.stride + 7) & ~7
      return UnsafeBufferPointer(start: start, count: count)
    }
    func bytes(_ count: Int) -> UnsafeRawBufferPointer {
      defer { cursor += (count + 7) & ~7 }
      return UnsafeRawBufferPointer(start: cursor, count: count)
    }
    blocks = part(Int(header.blockCount))
    exits = part(Int(header.exitCount))
    hotRecovery = part(Int(header.hotRecoveryCount))
    coldRecovery = part(Int(header.coldRecoveryCount))
    relocations = part(Int(header.relocationCount))
    followed = part(Int(header.followedCount))
    runs = part(Int(header.runCount))
    source = bytes(Int(header.sourceCount))
    hot = bytes(Int(header.hotCount))
    cold = bytes(Int(header.coldCount))
    literals = part(Int(header.literalCount))
    guard record.distance(to: cursor) == Int(header.size) else { return nil }
  }
}
