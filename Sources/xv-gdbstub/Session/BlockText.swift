// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// A block's original and translated code side by side: each original instruction begins a row, and
/// what it became stands to the right of it.
package struct BlockText {
  private static let leftTitle = "original"
  private let listing: BlockListing

  package init(_ listing: BlockListing) { self.listing = listing }

  package var text: String {
    guard let disassembler = Disassembler() else { return "Capstone does not start\n" }
    let rows = rows(disassembler)
    let width = max(Self.leftTitle.count, rows.map(\.left.count).max() ?? 0)
    let title = (left: Self.leftTitle, right: "translated, \(listing.cacheBytes.count) bytes")
    return ([title] + rows).map { row in
      let gap = String(repeating: " ", count: width - row.left.count)
      return row.left + gap + " | " + row.right + "\n"
    }.joined()
  }

  private func rows(_ disassembler: borrowing Disassembler) -> [(left: String, right: String)] {
    var rows: [(left: String, right: String)] = []
    func append(_ left: [String], _ right: [String]) {
      for index in 0..<max(left.count, right.count) {
        rows.append(
          (index < left.count ? left[index] : "", index < right.count ? right[index] : ""))
      }
    }
    // What comes before the first instruction's translation: a prefix of the fragment's own.
    let entries = listing.entries
    let end = listing.cacheBytes.count
    append([], cacheLines(disassembler, 0, entries.first?.cacheOffset ?? end))
    for (index, entry) in entries.enumerated() {
      append(
        disassembler.lines(of: entry.originalBytes[...], at: entry.original.rawValue),
        cacheLines(disassembler, entry.cacheOffset, index + 1 < entries.count ? entries[index + 1].cacheOffset : end))
    }
    return rows
  }

  private func cacheLines(
    _ disassembler: borrowing Disassembler, _ start: Int, _ end: Int
  ) -> [String] {
    let count = listing.cacheBytes.count
    let start = min(max(0, start), count)
    let bytes = listing.cacheBytes[start..<min(max(start, end), count)]
    return disassembler.lines(of: bytes, at: listing.cache.rawValue &+ UInt64(start))
  }
}
