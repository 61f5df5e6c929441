// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// What of an image is neither headers, nor memory, nor notes: it is zeros, or the image is damaged. So
/// each single byte of an image is known.
struct SwapGaps {
  private let ranges: [Range<UInt64>]
  private let end: UInt64

  init(layout: SwapLayout, noteSize: UInt64) {
    end = layout.end + noteSize
    var position = SwapLayout.memoryOffset(segments: layout.segments.count)
    var ranges: [Range<UInt64>] = []
    for place in layout.runs.lazy.flatMap(\.places).sorted(by: { $0.offset < $1.offset })
    where place.size > 0 {
      if place.offset > position { ranges.append(position..<place.offset) }
      position = max(position, place.offset + place.size)
    }
    if layout.end > position { ranges.append(position..<layout.end) }
    self.ranges = ranges
  }

  func check(_ descriptor: Int32) throws(SwapDamage) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, UInt64(status.st_size) == end else {
      throw SwapDamage("it is longer than what was written")
    }
    for range in ranges { try check(range, descriptor) }
  }

  /// Holes are passed over.
  private func check(_ range: Range<UInt64>, _ descriptor: Int32) throws(SwapDamage) {
    var position = range.lowerBound
    while position < range.upperBound {
      let data = lseek(descriptor, off_t(position), 3 /* SEEK_DATA */)
      // A file system without holes has data everywhere.
      if data < 0, errno == ENXIO { return }
      position = max(position, UInt64(max(0, data)))
      guard position < range.upperBound else { return }
      let bytes = SwapImage.bytes(
        descriptor, position, Int(min(SwapLayout.blockSize, range.upperBound - position)))
      if let index = bytes.firstIndex(where: { $0 != 0 }) {
        throw SwapDamage("its byte \(position + UInt64(index)), which holds nothing, is not zero")
      }
      if bytes.isEmpty { return }
      position += UInt64(bytes.count)
    }
  }
}
