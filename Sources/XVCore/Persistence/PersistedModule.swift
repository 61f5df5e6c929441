// SPDX-License-Identifier: GPL-3.0-only

/// What is persisted of one file's code: what an earlier run left, and what this run adds.
final class PersistedModule {
  let identity: FileIdentity
  /// Records of earlier runs, in the order in which they were asked for.
  let old: UnsafeRawBufferPointer
  /// How much of `old` has been put into the cache.
  var cursor = 0
  var new = ByteBuffer()
  var newRecords = 0
  /// Whether the file's code is mapped executable, and where its first byte would lie.
  var slide: UInt64? = nil

  init(_ identity: FileIdentity, old: UnsafeRawBufferPointer) {
    self.identity = identity
    self.old = old
  }

  var hasMore: Bool { slide != nil && cursor < old.count }

  /// The original address of the next record; nil at the end.
  var nextOriginal: UInt64? {
    guard let slide, cursor + MemoryLayout<UnitRecord>.stride <= old.count else { return nil }
    let header = (old.baseAddress! + cursor).load(as: UnitRecord.self)
    return header.original &+ slide &- header.slide
  }

  /// The next record's header and place; nil at the end.
  func next() -> (record: UnsafeRawPointer, header: UnitRecord)? {
    let headerSize = MemoryLayout<UnitRecord>.stride
    guard cursor + headerSize <= old.count else {
      cursor = old.count
      return nil
    }
    let record = old.baseAddress! + cursor
    let header = record.load(as: UnitRecord.self)
    guard Int(header.size) >= headerSize, cursor + Int(header.size) <= old.count else {
      cursor = old.count
      return nil
    }
    cursor += Int(header.size)
    return (record, header)
  }
}
