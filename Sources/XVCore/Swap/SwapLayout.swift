// SPDX-License-Identifier: GPL-3.0-only
import Glibc

/// The parts of an image that are written anew when something in it changes: ELF header, program
/// headers, notes, and the seal over them.
///
/// The memory lies between headers and notes, so that a file that was cut off has no notes.
struct SwapLayout {
  static let pageSize: UInt64 = 4096
  /// Each block of a run has a checksum.
  static let blockSize: UInt64 = 65536
  static let headerSize = 64
  static let segmentSize = 56

  /// Memory as gdb finds it: a PT_LOAD.
  struct Segment: Equatable {
    var range: Range<UInt64>
    var offset: UInt64
    var fileSize: UInt64
    var protection: UInt64
  }

  /// Where a block's bytes are in the file, and how many there are; none where all are zero and the
  /// image is compressed.
  struct Place: SwapCodable {
    var offset: UInt64
    var size: UInt64
    /// Of the bytes as they are in the file.
    var checksum: UInt64

    init(offset: UInt64, size: UInt64, checksum: UInt64) {
      self.offset = offset
      self.size = size
      self.checksum = checksum
    }

    func write(to writer: inout SwapWriter) {
      for word in [offset, size, checksum] { writer.word(word) }
    }

    init(from reader: inout SwapReader) throws(SwapDamage) {
      offset = try reader.word()
      size = try reader.word()
      checksum = try reader.word()
      guard size <= 2 * SwapLayout.blockSize else { throw SwapDamage("its list of memory makes no sense") }
    }
  }

  /// Memory that is in the file, a place for each of its blocks.
  struct Run: SwapCodable {
    var range: Range<UInt64>
    var places: [Place] = []

    init(range: Range<UInt64>) { self.range = range }

    func write(to writer: inout SwapWriter) {
      writer.word(range.lowerBound)
      writer.word(range.upperBound)
      writer.list(places)
    }

    init(from reader: inout SwapReader) throws(SwapDamage) {
      let start = try reader.word()
      let end = try reader.word()
      places = try reader.list()
      guard start < end, (end - start + SwapLayout.blockSize - 1) / SwapLayout.blockSize == places.count
      else { throw SwapDamage("its list of memory makes no sense") }
      range = start..<end
    }

    var blocks: [Range<UInt64>] {
      stride(from: range.lowerBound, to: range.upperBound, by: Int(SwapLayout.blockSize)).map {
        $0..<min($0 + SwapLayout.blockSize, range.upperBound)
      }
    }

    /// Of the block that holds an address.
    func block(holding address: UInt64) -> (index: Int, range: Range<UInt64>) {
      let index = (address - range.lowerBound) / SwapLayout.blockSize
      let start = range.lowerBound + index * SwapLayout.blockSize
      return (Int(index), start..<min(start + SwapLayout.blockSize, range.upperBound))
    }
  }

  var segments: [Segment]
  var runs: [Run] = []
  /// Blocks are compressed, and no segment has bytes.
  var isCompressed = false
  /// Where the notes begin.
  var end: UInt64 = 0

  static func aligned(_ offset: UInt64) -> UInt64 { (offset + 7) & ~7 }

  /// The headers' size with so many segments, and where memory may begin.
  static func memoryOffset(segments: Int) -> UInt64 {
    let size = UInt64(headerSize + (segments + 1) * segmentSize)
    return (size + pageSize - 1) & ~(pageSize - 1)
  }

  func headers(noteSize: Int) -> [UInt8] {
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    bytes.half(4)  // ET_CORE
    bytes.half(62)  // EM_X86_64
    bytes.quarter(1)
    bytes.whole(0)
    bytes.whole(UInt64(SwapLayout.headerSize))
    bytes.whole(0)
    bytes.quarter(0)
    bytes.half(UInt16(SwapLayout.headerSize))
    bytes.half(UInt16(SwapLayout.segmentSize))
    bytes.half(UInt16(segments.count + 1))
    for _ in 0..<3 { bytes.half(0) }
    // PT_NOTE
    bytes.quarter(4)
    bytes.quarter(4)
    for word in [end, 0, 0, UInt64(noteSize), 0, 4] { bytes.whole(word) }
    for segment in segments {
      bytes.quarter(1)  // PT_LOAD
      let flags = (segment.protection & 1) << 2 | segment.protection & 2 | segment.protection >> 2 & 1
      bytes.quarter(UInt32(flags))
      let range = segment.range
      let words = [
        segment.offset, range.lowerBound, 0, segment.fileSize, UInt64(range.count), SwapLayout.pageSize,
      ]
      for word in words { bytes.whole(word) }
    }
    // Up to where memory begins, so that the seal is over all that is not memory.
    let memory = Int(SwapLayout.memoryOffset(segments: segments.count))
    return bytes + [UInt8](repeating: 0, count: memory - bytes.count)
  }
}

extension [UInt8] {
  mutating func half(_ value: UInt16) { raw(value.littleEndian) }
  mutating func quarter(_ value: UInt32) { raw(value.littleEndian) }
  mutating func whole(_ value: UInt64) { raw(value.littleEndian) }
  private mutating func raw<Value: BitwiseCopyable>(_ value: Value) {
    Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
  }

  /// One note of an ELF file: sizes, type, name, bytes, each padded to four.
  mutating func note(_ name: String, _ kind: UInt32, _ description: [UInt8]) {
    quarter(UInt32(name.utf8.count + 1))
    quarter(UInt32(description.count))
    quarter(kind)
    self += Array(name.utf8) + [0]
    while count % 4 != 0 { append(0) }
    self += description
    while count % 4 != 0 { append(0) }
  }

  func unsigned<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    at offset: Int, as: Value.Type = Value.self
  ) -> Value {
    withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
  }
}
