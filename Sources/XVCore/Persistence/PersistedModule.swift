// SPDX-License-Identifier: GPL-3.0-only

/// What is persisted of one file's code: what an earlier run left, and what this run adds.
final class PersistedModule {
  /// Bytes that one run adds at most.
  static let mostAdded = 64 << 20

  let identity: FileIdentity
  /// Records of earlier runs, in the order in which they were asked for.
  let old: UnsafeRawBufferPointer
  /// The records that are being read: `old`, unless there is an index.
  private var source: UnsafeRawBufferPointer
  /// How much of it has been put into the cache.
  var cursor = 0
  var new = ByteBuffer()
  var newRecords = 0
  /// Not once the cache has been discarded: most of what is translated then was written down before.
  private(set) var isRecording = true
  /// Whether the file's code is mapped executable, and where its first byte would lie.
  var slide: UInt64? = nil

  init(_ identity: FileIdentity, old: UnsafeRawBufferPointer) {
    self.identity = identity
    self.old = old
    source = old
  }

  /// Where the records of single blocks are, for a process that is in the midst of its program: most of
  /// what was asked for before is of no use to it. nil: records are used in their order.
  var index: RecordIndex? = nil
  /// What processes that were forked have added.
  private(set) var handed: [HandedRecords] = []
  /// An index of `old` and `handed`, for processes that are forked; made when the first one is.
  private var indexForChildren: RecordIndex?

  /// Bytes of records that no file holds yet.
  var addedBytes: Int { handed.reduce(new.count) { $0 + $1.records.count } }

  var hasMore: Bool { slide != nil && cursor < source.count && index == nil }

  /// For a process in a copy of the memory in which the file lies.
  ///
  /// `file`: whose memory `old` is.
  func inherited(_ file: PersistentFile?) -> PersistedModule {
    let module = PersistedModule(identity, old: old)
    module.slide = slide
    module.handed = handed
    if indexForChildren == nil, !old.isEmpty || !handed.isEmpty {
      indexForChildren = RecordIndex(
        [old] + handed.map { $0.records.bytes }, owners: handed + [file].compactMap { $0 })
    }
    module.index = indexForChildren
    return module
  }

  /// Takes over what a forked process has added.
  func take(_ records: HandedRecords) {
    handed.append(records)
    indexForChildren = nil
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
    index = nil
    source = old
    cursor = source.count
  }

  /// The next records to be read are these.
  func seek(_ records: UnsafeRawBufferPointer) {
    source = records
    cursor = 0
  }

  /// The original address of the next record; nil at the end.
  var nextOriginal: UInt64? {
    guard let slide, cursor + MemoryLayout<UnitRecord>.stride <= source.count else { return nil }
    let header = (source.baseAddress! + cursor).load(as: UnitRecord.self)
    return header.original &+ slide &- header.slide
  }

  /// The next record's header and place; nil at the end.
  func next() -> (record: UnsafeRawPointer, header: UnitRecord)? {
    let headerSize = MemoryLayout<UnitRecord>.stride
    guard cursor + headerSize <= source.count else {
      cursor = source.count
      return nil
    }
    let record = source.baseAddress! + cursor
    let header = record.load(as: UnitRecord.self)
    guard Int(header.size) >= headerSize, cursor + Int(header.size) <= source.count else {
      cursor = source.count
      return nil
    }
    cursor += Int(header.size)
    return (record, header)
  }
}

/// Records that one process leaves to the others of its program.
final class HandedRecords: Sendable {
  // Nobody changes them any more.
  nonisolated(unsafe) let records: ByteBuffer

  init(_ records: consuming ByteBuffer) { self.records = records }
}
