// SPDX-License-Identifier: GPL-3.0-only

/// What a collection has kept: records of the units that were live, each to be copied into the cache when
/// its code is asked for again.
///
/// Every unit of the cache was asked for since the last collection: it was translated, or copied from
/// here. So a collection keeps those and forgets what stands here and nobody has asked for.
final class Survivors {
  struct Entry: BitwiseCopyable {
    /// In the mapped file of an earlier run, or nil: then `offset` says where in `records`.
    var record: UnsafeRawPointer?
    var offset: Int
    /// Where the first byte of its file would lie now, as `UnitRecord.slide` says for then.
    var slide: UInt64
    /// It was copied, or its original code has changed.
    var isGone = false
  }

  private struct Place: BitwiseCopyable {
    var original: UInt64
    var entry: Int32
  }

  /// What may be kept, in bytes. What is beyond is translated again.
  static let limit = 512 << 20

  private var records = ByteBuffer(capacity: 1 << 12)
  private var entries = Pool<Entry>(limit: 1 << 22)
  /// The blocks of all entries, in the order of `index`.
  private var blocks = Pool<Place>(limit: 1 << 24)
  private var index = BlockTable(bits: 8)
  private var pages = PageIndex()
  /// Those that were copied.
  private(set) var revived = 0

  var count: Int { entries.count }
  var isEmpty: Bool { entries.count == 0 }
  var bytes: Int { records.count }
  var hasRoom: Bool { records.count < Survivors.limit && entries.hasRoom && blocks.hasRoom && pages.hasRoom }

  // MARK: Making

  /// Begins a record; `finish` is told where that was.
  func begin() -> Int { records.count }

  func append<Value: BitwiseCopyable>(_ value: Value) { records.append(value) }

  func append(_ source: UnsafeRawPointer, count: Int) { records.append(source, count: count) }

  func append(_ entries: [Recovery], base: UInt32, slide: UInt64) -> UInt16 {
    for entry in entries { append(PackedRecovery(entry, base: base, slide: slide)) }
    return UInt16(entries.count)
  }

  func pad() { records.pad(to: 8) }

  /// The record that began at `offset` is complete.
  func finish(_ offset: Int, _ header: UnitRecord) {
    var header = header
    header.size = UInt32(records.count - offset)
    (records.base + offset).storeBytes(of: header, as: UnitRecord.self)
    add(Entry(record: nil, offset: offset, slide: header.slide))
  }

  /// Takes over a record that lies here or in a file.
  func keep(_ record: UnsafeRawPointer, slide: UInt64, isInFile: Bool) {
    if isInFile { return add(Entry(record: record, offset: 0, slide: slide)) }
    let offset = records.count
    let size = Int(record.load(as: UnitRecord.self).size)
    records.append(record, count: size)
    add(Entry(record: nil, offset: offset, slide: slide))
  }

  private func add(_ entry: Entry) {
    let number = Int32(entries.count)
    entries.append(entry)
    guard let parts = parts(Int(number)) else { return }
    for block in parts.blocks {
      let original = block.original &+ entry.slide &- parts.header.slide
      let base = blocks.base
      if !block.isInlined, index.find(original, address: { base[Int($0)].original }) < 0 {
        blocks.append(Place(original: original, entry: number))
        index.insert(original, Int32(blocks.count - 1)) { base[Int($0)].original }
      }
      pages.add(number, original: original, length: block.length)
    }
  }

  // MARK: Asking

  /// The number of the unit that has a block at an address; nil when there is none, or not any more.
  func find(_ original: UInt64) -> Int? {
    let base = blocks.base
    let place = index.find(original) { base[Int($0)].original }
    guard place >= 0 else { return nil }
    let number = Int(blocks[Int(place)].entry)
    return entries[number].isGone ? nil : number
  }

  func record(_ number: Int) -> UnsafeRawPointer {
    entries[number].record ?? UnsafeRawPointer(records.base + entries[number].offset)
  }

  func slide(_ number: Int) -> UInt64 { entries[number].slide }

  func parts(_ number: Int) -> UnitParts? {
    let record = record(number)
    return UnitParts(at: record, record.load(as: UnitRecord.self))
  }

  /// Whether a record is one of these, not one of a file.
  func holds(_ record: UnsafeRawPointer) -> Bool {
    record >= UnsafeRawPointer(records.base) && record < UnsafeRawPointer(records.base + records.count)
  }

  func take(_ number: Int, isCopied: Bool) {
    entries[number].isGone = true
    if isCopied { revived += 1 }
  }

  /// The original code in `range` changes.
  func forget(_ range: Range<UInt64>) {
    let pageRange = (range.lowerBound >> 12)..<((range.upperBound &+ 0xfff) >> 12)
    guard !isEmpty, !pageRange.isEmpty, pages.hasCode(pages: pageRange) else { return }
    for number in pages.blocks(pages: pageRange) where !entries[Int(number)].isGone {
      guard let parts = parts(Int(number)) else { continue }
      let move = entries[Int(number)].slide &- parts.header.slide
      let isHit = parts.blocks.contains {
        let start = $0.original &+ move
        return start < range.upperBound && start &+ UInt64(max($0.length, 1)) > range.lowerBound
      }
      if isHit { entries[Int(number)].isGone = true }
    }
  }
}
