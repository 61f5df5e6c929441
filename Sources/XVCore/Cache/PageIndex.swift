// SPDX-License-Identifier: GPL-3.0-only

/// Which blocks have bytes on which page of original code.
struct PageIndex: ~Copyable {
  private struct Node: BitwiseCopyable {
    var block: Int32
    var next: Int32
  }

  private var heads: [UInt64: Int32] = [:]
  private var nodes = Pool<Node>(limit: 1 << 25)
  /// Most blocks follow one another on one page: the last page is remembered.
  private var lastPage: UInt64 = .max
  private var lastHead: Int32 = -1

  var isCrowded: Bool { nodes.isCrowded }
  var count: Int { nodes.count }
  var capacity: Int { nodes.capacity }
  var hasRoom: Bool { nodes.hasRoom }

  mutating func add(_ block: Int32, original: UInt64, length: UInt16) {
    let first = original >> 12
    let last = (original &+ UInt64(max(length, 1)) &- 1) >> 12
    add(block, page: first)
    if last != first { add(block, page: last) }
  }

  private mutating func add(_ block: Int32, page: UInt64) {
    if page != lastPage {
      commit()
      lastPage = page
      lastHead = heads[page] ?? -1
    }
    nodes.append(Node(block: block, next: lastHead))
    lastHead = Int32(nodes.count - 1)
  }

  private mutating func commit() {
    if lastPage != .max { heads[lastPage] = lastHead }
  }

  /// Whether any code was translated from these pages.
  mutating func hasCode(pages: Range<UInt64>) -> Bool {
    commit()
    if pages.count > heads.count { return heads.keys.contains { pages.contains($0) } }
    return pages.contains { heads[$0] != nil }
  }

  /// The blocks that may have bytes on these pages; dead ones included.
  mutating func blocks(pages: Range<UInt64>) -> [Int32] {
    commit()
    var result: [Int32] = []
    let keys = pages.count > heads.count ? heads.keys.filter { pages.contains($0) } : Array(pages)
    for page in keys {
      var node = heads[page] ?? -1
      while node >= 0 {
        result.append(nodes[Int(node)].block)
        node = nodes[Int(node)].next
      }
    }
    return result
  }

  mutating func forget(pages: Range<UInt64>) {
    commit()
    lastPage = .max
    if pages.count > heads.count {
      heads = heads.filter { !pages.contains($0.key) }
    } else {
      for page in pages { heads[page] = nil }
    }
  }

  mutating func removeAll() {
    heads.removeAll()
    nodes.removeAll()
    lastPage = .max
    lastHead = -1
  }
}
