// SPDX-License-Identifier: GPL-3.0-only

/// What is persisted of one file's code: what an earlier run left, and what this run adds.
final class PersistedModule {
  /// Bytes that one run adds at most.
  static let mostAdded = 64 << 20

  let identity: FileIdentity
  /// Records of earlier runs, in the order in which they were asked for, and which are where.
  let old: UnsafeRawBufferPointer
  private let oldIndex: RecordIndex?
  /// The records that are being read.
  private var source = UnsafeRawBufferPointer(start: nil, count: 0)
  private var cursor = 0
  /// Records that may still be used before somebody asks for code that is not among them.
  private var ahead = 0
  var new = ByteBuffer()
  var newRecords = 0
  /// Not once the cache has been discarded: most of what is translated then was written down before.
  private(set) var isRecording = true
  /// Whether the file's code is mapped executable, and where its first byte would lie.
  private(set) var slide: UInt64? = nil
  /// The mapped file is known to be the very one that the records are of. Then where a page is the file's still,
  /// its code is what was translated; otherwise bytes are compared, and nothing is written down.
  private(set) var isThisFile = false
  /// Of a process that is in the midst of its program: what was asked for next once may not be now.
  private var isInherited = false
  /// What processes that were forked have added.
  private(set) var handed: [HandedRecords] = []
  /// An index of `handed`, for processes that are forked; made when one is.
  private var handedIndex: RecordIndex?

  /// `file`: whose memory `old` is.
  init(_ identity: FileIdentity, _ kept: PersistentFile.Module?, of file: PersistentFile?) {
    self.identity = identity
    old = kept?.records ?? UnsafeRawBufferPointer(start: nil, count: 0)
    if let kept, let file {
      oldIndex = RecordIndex(kept.places, of: kept.records, owner: file)
    } else {
      oldIndex = nil
    }
  }

  /// For a process in a copy of the memory in which the file lies.
  private init(inheriting other: PersistedModule) {
    identity = other.identity
    old = other.old
    oldIndex = other.oldIndex
    slide = other.slide
    isThisFile = other.isThisFile
    handed = other.handed
    handedIndex = other.handedIndex
    isInherited = true
  }

  /// Blocks that earlier runs have left.
  var keptBlocks: Int { oldIndex?.count ?? 0 }

  /// Bytes of records that no file holds yet.
  var addedBytes: Int { handed.reduce(new.count) { $0 + $1.records.count } }

  /// For a process in a copy of the memory in which the file lies.
  func inherited() -> PersistedModule {
    if handedIndex == nil, !handed.isEmpty { handedIndex = RecordIndex(handed) }
    return PersistedModule(inheriting: self)
  }

  func place(at slide: UInt64, isThisFile: Bool) {
    self.slide = slide
    self.isThisFile = isThisFile
    cursor = source.count
  }

  /// More of the file is mapped at the same place.
  func confirm(isThisFile: Bool) { self.isThisFile = isThisFile }

  /// Takes over what a forked process has added.
  func take(_ records: HandedRecords) {
    handed.append(records)
    handedIndex = nil
  }

  /// Gives away what this process has added.
  func handOver() -> HandedRecords {
    var records = ByteBuffer(capacity: 0)
    swap(&records, &new)
    newRecords = 0
    return HandedRecords(records)
  }

  /// Nothing more is put into the cache or written down.
  func stop() {
    isRecording = false
    cursor = source.count
  }

  /// Records that one request brings at most, the one that it asks for first.
  var atOnce: Int { isInherited ? 4 : 16 }
  /// Records that are published together while nobody waits. What one leads to in the next needs no stub then.
  static let atOnceAhead = 16
  /// Records that are used ahead of their request.
  private static let mostAhead = 512

  /// Turns to the record that holds the block at an address, if there is one.
  func seek(_ original: UInt64) -> Bool {
    guard isRecording, let slide,
      let records = oldIndex?.records(from: original &- slide) ?? handedIndex?.records(from: original &- slide)
    else { return false }
    source = records
    cursor = 0
    ahead = isInherited ? 0 : PersistedModule.mostAhead
    return true
  }

  /// Whether an earlier run has left a record with the block at an address.
  func hasRecord(of original: UInt64) -> Bool {
    guard let slide else { return false }
    return oldIndex?.records(from: original &- slide) != nil || handedIndex?.records(from: original &- slide) != nil
  }

  var hasMore: Bool { slide != nil && cursor < source.count && ahead > 0 }

  /// The original address of the next record; nil at the end.
  var nextOriginal: UInt64? {
    guard let slide, cursor + MemoryLayout<UnitRecord>.stride <= source.count else { return nil }
    let header = (source.baseAddress! + cursor).load(as: UnitRecord.self)
    return header.original &+ slide &- header.slide
  }

  /// The next record's header and place; nil at the end.
  func next() -> (record: UnsafeRawPointer, header: UnitRecord)? {
    guard let (record, header) = nextWhole() else {
      cursor = source.count
      return nil
    }
    cursor += Int(header.size)
    ahead -= 1
    return (record, header)
  }

  private func nextWhole() -> (record: UnsafeRawPointer, header: UnitRecord)? {
    let headerSize = MemoryLayout<UnitRecord>.stride
    guard cursor + headerSize <= source.count else { return nil }
    let record = source.baseAddress! + cursor
    let header = record.load(as: UnitRecord.self)
    guard Int(header.size) >= headerSize, cursor + Int(header.size) <= source.count,
      !isInFile(record) || header.check == UnitRecord.checksum(record, size: Int(header.size))
    else { return nil }
    return (record, header)
  }

  private func isInFile(_ record: UnsafeRawPointer) -> Bool {
    guard let base = old.baseAddress else { return false }
    return record >= base && record < base + old.count
  }
}

/// Records that one process leaves to the others of its program.
final class HandedRecords: Sendable {
  // Nobody changes them any more.
  nonisolated(unsafe) let records: ByteBuffer

  init(_ records: consuming ByteBuffer) { self.records = records }
}
