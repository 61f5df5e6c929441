// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// A block's original and translated code side by side: each original instruction begins a row, and
/// what it became stands to the right of it.
package struct BlockText {
  /// Where an original instruction begins, and its translation within the fragment.
  package typealias Entry = (original: OriginalAddress, cacheOffset: Int)

  private static let leftTitle = "original"
  private let original: OriginalAddress
  private let originalBytes: [UInt8]
  private let cache: CacheAddress
  private let cacheBytes: [UInt8]
  private let instructions: [Entry]

  package init(
    original: OriginalAddress, originalBytes: [UInt8], cache: CacheAddress, cacheBytes: [UInt8],
    instructions: [Entry]
  ) {
    self.original = original
    self.originalBytes = originalBytes
    self.cache = cache
    self.cacheBytes = cacheBytes
    self.instructions = instructions
  }

  init(_ listing: BlockListing) {
    self.init(
      original: listing.original, originalBytes: listing.originalBytes, cache: listing.cache,
      cacheBytes: listing.cacheBytes, instructions: listing.instructions)
  }

  package var text: String {
    guard let disassembler = Disassembler() else { return "Capstone does not start\n" }
    let rows = rows(disassembler)
    let width = max(Self.leftTitle.count, rows.map(\.left.count).max() ?? 0)
    let title = (left: Self.leftTitle, right: "translated, \(cacheBytes.count) bytes")
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
    let firstOffset = instructions.first?.cacheOffset ?? cacheBytes.count
    append([], cacheLines(disassembler, 0, firstOffset))
    for (index, entry) in instructions.enumerated() {
      let next = index + 1 < instructions.count ? instructions[index + 1] : nil
      let originalEnd = next.map { offset(of: $0.original) } ?? originalBytes.count
      append(
        originalLines(disassembler, offset(of: entry.original), originalEnd),
        cacheLines(disassembler, entry.cacheOffset, next?.cacheOffset ?? cacheBytes.count))
    }
    return rows
  }

  private func offset(of address: OriginalAddress) -> Int { Int(address - original) }

  private func originalLines(
    _ disassembler: borrowing Disassembler, _ start: Int, _ end: Int
  ) -> [String] {
    let bytes = piece(originalBytes, start, end)
    return disassembler.lines(of: bytes, at: original.rawValue &+ UInt64(bytes.startIndex))
  }

  private func cacheLines(
    _ disassembler: borrowing Disassembler, _ start: Int, _ end: Int
  ) -> [String] {
    let bytes = piece(cacheBytes, start, end)
    return disassembler.lines(of: bytes, at: cache.rawValue &+ UInt64(bytes.startIndex))
  }

  private func piece(_ bytes: [UInt8], _ start: Int, _ end: Int) -> ArraySlice<UInt8> {
    let start = min(max(0, start), bytes.count)
    return bytes[start..<min(max(start, end), bytes.count)]
  }
}
