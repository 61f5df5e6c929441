// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// /proc/PID/pagemap: which pages are the process's own.
struct PageMap {
  let process: Int32

  /// Ranges of pages that are present or swapped out and no file's (Documentation/admin-guide/mm/pagemap.rst).
  func ownPages(of range: Range<UInt64>) -> [Range<UInt64>] {
    let descriptor = xv_open("/proc/\(process)/pagemap", O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return [range] }
    defer { close(descriptor) }
    var ranges: [Range<UInt64>] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let pages = min(65536, Int((range.upperBound - position) / 4096))
      let bytes = SwapImage.bytes(descriptor, position / 4096 * 8, pages * 8)
      guard bytes.count == pages * 8 else { return ranges + [position..<range.upperBound] }
      bytes.withUnsafeBytes { raw in
        for (index, entry) in raw.bindMemory(to: UInt64.self).enumerated() {
          let isOwn = entry >> 62 != 0 && entry >> 61 & 1 == 0
          guard isOwn else { continue }
          let page = position + UInt64(index) * 4096
          if let last = ranges.last, last.upperBound == page {
            ranges[ranges.count - 1] = last.lowerBound..<page + 4096
          } else {
            ranges.append(page..<page + 4096)
          }
        }
      }
      position += UInt64(pages) * 4096
    }
    return ranges
  }
}
