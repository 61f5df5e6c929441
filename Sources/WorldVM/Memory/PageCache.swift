// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// Pages of one incarnation of a world's memory.
///
/// No page that is kept is fetched twice within an incarnation, one that cannot be read included;
/// nothing is fetched that was not asked for, unless it reads ahead; neighbouring pages that are missing come with one fetch.
/// Writes go through. Whoever owns the cache calls `drop` when the world goes, and does not use it
/// while the world runs.
///
/// Memory that has two addresses (a shared mapping) is cached under each of them: a write through
/// one shows at the other from the next incarnation on.
package struct PageCache {
  /// What the cache did since it was made.
  package struct Counters: Hashable, Sendable {
    /// Pages brought from the source.
    package var fetchedPages: UInt64 = 0
    /// Calls that brought them.
    package var fetches: UInt64 = 0
    /// Pages found in the cache.
    package var hits: UInt64 = 0
  }

  /// Pages kept at most: what is read beyond them in one incarnation (a core file of a large
  /// process) is not kept, so that a debugger cannot make the server as large as the world.
  let capacity: Int
  /// Pages that are fetched with a missing one, behind what was asked for: where a fetch is slow.
  let readAhead: Int
  private(set) var counters = Counters()
  /// What could be read of each page, from its start: shorter than a page when the rest faults.
  private var pages: [PageNumber: [UInt8]] = [:]
  private var incarnation = Incarnation.first
  /// Pages asked of the source at once.
  private static let longestFetch = 256

  init(capacity: Int = 65536, readAhead: Int = 0) {
    self.capacity = capacity
    self.readAhead = readAhead
  }

  var pageCount: Int { pages.count }

  /// Forgets what belongs to another incarnation.
  mutating func enter(_ present: Incarnation) {
    if incarnation != present { drop() }
    incarnation = present
  }

  /// Forgets every page.
  mutating func drop() { pages.removeAll(keepingCapacity: true) }

  /// The bytes that can be read from `address` on, at most `count`.
  mutating func read(
    from address: Address, count: Int, through source: some MemorySource
  ) throws(WorldError) -> [UInt8] {
    var result: [UInt8] = []
    // The address space ends: a read does not go around to address 0.
    let room = UInt64.max - address.rawValue
    var remaining = room < UInt64(max(count, 0)) ? Int(room) + 1 : max(count, 0)
    var position = address
    while remaining > 0 {
      let number = PageNumber(holding: position)
      let page = pages[number]
      if page != nil { counters.hits += 1 }
      let bytes: [UInt8]
      if let page {
        bytes = page
      } else {
        bytes = try fetch(from: number, covering: position, remaining, source)
      }
      let offset = Int(position.rawValue & UInt64(PageNumber.pageSize - 1))
      guard offset < bytes.count else { break }
      let taken = min(bytes.count - offset, remaining)
      result.append(contentsOf: bytes[offset..<offset + taken])
      remaining -= taken
      position = position + UInt64(taken)
      // A run of fetched pages may end in the middle of one; a kept page that is short is a fault.
      guard remaining == 0 || position.rawValue.isMultiple(of: UInt64(PageNumber.pageSize)) else {
        break
      }
    }
    return result
  }

  /// Writes through `source` and into the pages that are kept; returns how many bytes were written.
  mutating func write(
    _ bytes: [UInt8], to address: Address, through source: some MemorySource
  ) throws(WorldError) -> Int {
    let written = try source.writeMemory(bytes, at: address)
    var done = 0
    while done < written {
      let position = address + UInt64(done)
      let offset = Int(position.rawValue & UInt64(PageNumber.pageSize - 1))
      let taken = min(PageNumber.pageSize - offset, written - done)
      patch(PageNumber(holding: position), at: offset, with: bytes[done..<done + taken])
      done += taken
    }
    return written
  }

  /// Brings the missing pages from `number` on that a read of `remaining` bytes at `position` needs,
  /// up to the next page that is kept; returns their bytes, from the start of the first.
  private mutating func fetch(
    from number: PageNumber, covering position: Address, _ remaining: Int,
    _ source: some MemorySource
  ) throws(WorldError) -> [UInt8] {
    let lastNeeded = PageNumber(holding: position + UInt64(remaining - 1)).rawValue
    let ahead = number.rawValue.addingReportingOverflow(UInt64(readAhead)).partialValue
    let last = min(max(lastNeeded, ahead), PageNumber.last.rawValue)
    var wanted = 1
    while wanted < Self.longestFetch, number.rawValue + UInt64(wanted) <= last,
      pages[PageNumber(rawValue: number.rawValue + UInt64(wanted))] == nil
    { wanted += 1 }
    let bytes = try source.readMemory(at: number.start, count: wanted * PageNumber.pageSize)
    counters.fetches += 1
    for index in 0..<wanted {
      let start = min(index * PageNumber.pageSize, bytes.count)
      let end = min(start + PageNumber.pageSize, bytes.count)
      keep(Array(bytes[start..<end]), as: PageNumber(rawValue: number.rawValue + UInt64(index)))
      // The source stopped in this page: of those behind it nothing is known.
      if end - start < PageNumber.pageSize { break }
    }
    return bytes
  }

  private mutating func keep(_ bytes: [UInt8], as number: PageNumber) {
    counters.fetchedPages += 1
    if pages.count < capacity { pages[number] = bytes }
  }

  private mutating func patch(
    _ number: PageNumber, at offset: Int, with bytes: ArraySlice<UInt8>
  ) {
    guard let kept = pages[number] else { return }
    if offset + bytes.count <= kept.count {
      pages[number]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    } else {
      // The page could not be read there before, and can be written: what is known of it is void.
      pages[number] = nil
    }
  }
}
