// SPDX-License-Identifier: GPL-3.0-only

/// Which record holds the block at an address. It does not change, so processes share it.
final class RecordIndex: Sendable {
  private struct Place {
    /// From the file's first byte, had all of it been mapped.
    var address: UInt64
    var buffer: Int32
    var offset: UInt32
  }

  private let places: [Place]
  /// In each, one record follows another; nobody changes them any more.
  nonisolated(unsafe) private let buffers: [UnsafeRawBufferPointer]
  nonisolated(unsafe) private let owners: [AnyObject]

  /// `owners`: whose memory the buffers are.
  init(_ buffers: [UnsafeRawBufferPointer], owners: [AnyObject]) {
    self.buffers = buffers
    self.owners = owners
    var places: [Place] = []
    let headerSize = MemoryLayout<UnitRecord>.stride
    for (number, buffer) in buffers.enumerated() {
      var offset = 0
      while offset + headerSize <= buffer.count {
        let header = (buffer.baseAddress! + offset).load(as: UnitRecord.self)
        guard Int(header.size) >= headerSize, offset + Int(header.size) <= buffer.count else { break }
        if header.kind == .unit, let parts = UnitParts(at: buffer.baseAddress! + offset, header) {
          for block in parts.blocks {
            places.append(
              Place(
                address: block.original &- header.slide, buffer: Int32(number),
                offset: UInt32(offset)))
          }
        }
        offset += Int(header.size)
      }
    }
    self.places = places.sorted { $0.address < $1.address }
  }

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
    return UnsafeRawBufferPointer(rebasing: buffer[Int(places[low].offset)...])
  }
}
