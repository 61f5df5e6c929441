// SPDX-License-Identifier: GPL-3.0-only

/// Where the record of a block begins.
struct RecordPlace: BitwiseCopyable {
  /// From its file's first byte, had all of it been mapped.
  var address: UInt64
  var buffer: UInt32
  var offset: UInt32
}

/// Which record holds the block at an address. It does not change, so processes share it.
final class RecordIndex: Sendable {
  /// In the order of their addresses.
  nonisolated(unsafe) private let places: UnsafeBufferPointer<RecordPlace>
  /// In each, one record follows another; nobody changes them any more.
  nonisolated(unsafe) private let buffers: [UnsafeRawBufferPointer]
  /// Whose memory the places and the buffers are.
  nonisolated(unsafe) private let owners: [AnyObject]
  private let ownsPlaces: Bool

  /// An index that a file holds.
  init(_ places: UnsafeBufferPointer<RecordPlace>, of records: UnsafeRawBufferPointer, owner: AnyObject) {
    self.places = places
    buffers = [records]
    owners = [owner]
    ownsPlaces = false
  }

  /// An index of what forked processes have added.
  init(_ handed: [HandedRecords]) {
    buffers = handed.map { $0.records.bytes }
    owners = handed
    var found: [RecordPlace] = []
    for (number, buffer) in buffers.enumerated() {
      RecordIndex.forEachRecord(in: buffer) { record, header, offset in
        RecordIndex.addPlaces(
          of: record, header, RecordPlace(address: 0, buffer: UInt32(number), offset: UInt32(offset)), to: &found)
      }
    }
    found.sort { $0.address < $1.address }
    let memory = UnsafeMutableBufferPointer<RecordPlace>.allocate(capacity: found.count)
    _ = memory.initialize(from: found)
    places = UnsafeBufferPointer(memory)
    ownsPlaces = true
  }

  /// Blocks that it knows.
  var count: Int { places.count }

  deinit { if ownsPlaces { places.deallocate() } }

  /// The records from the one on that holds the block at an address.
  func records(from address: UInt64) -> UnsafeRawBufferPointer? {
    var low = 0
    var high = places.count
    while low < high {
      let middle = (low + high) / 2
      if places[middle].address < address { low = middle + 1 } else { high = middle }
    }
    guard low < places.count, places[low].address == address else { return nil }
    let buffer = buffers[Int(places[low].buffer)]
    guard Int(places[low].offset) < buffer.count else { return nil }
    return UnsafeRawBufferPointer(rebasing: buffer[Int(places[low].offset)...])
  }

  static func forEachRecord(
    in buffer: UnsafeRawBufferPointer,
    _ body: (_ record: UnsafeRawPointer, _ header: UnitRecord, _ offset: Int) -> Void
  ) {
    let headerSize = MemoryLayout<UnitRecord>.stride
    var offset = 0
    while offset + headerSize <= buffer.count {
      let record = buffer.baseAddress! + offset
      let header = record.load(as: UnitRecord.self)
      guard Int(header.size) >= headerSize, offset + Int(header.size) <= buffer.count else { return }
      body(record, header, offset)
      offset += Int(header.size)
    }
  }

  /// `place` says where the record begins.
  static func addPlaces(
    of record: UnsafeRawPointer, _ header: UnitRecord, _ place: RecordPlace, to places: inout [RecordPlace]
  ) {
    guard header.kind == .unit, let parts = UnitParts(at: record, header) else { return }
    for block in parts.blocks where !block.isInlined {
      var place = place
      place.address = block.original &- header.slide
      places.append(place)
    }
  }
}
