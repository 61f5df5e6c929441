// SPDX-License-Identifier: GPL-3.0-only

/// One bit for each byte of translated pages: whether a live block begins there.
///
/// The scan asks at every instruction; a bit on a page that is remembered costs a tenth of a look into
/// the block table, whose slots are spread over megabytes.
struct StartMap: ~Copyable {
  private static let words = 4096 / 64
  private var pages: [UInt64: UnsafeMutablePointer<UInt64>] = [:]
  private var lastPage: UInt64 = .max
  private var lastBits: UnsafeMutablePointer<UInt64>? = nil

  deinit { pages.values.forEach { $0.deallocate() } }

  @inline(__always)
  mutating func contains(_ address: UInt64) -> Bool {
    guard let bits = bits(address >> 12) else { return false }
    let offset = Int(address & 0xfff)
    return bits[offset >> 6] >> UInt64(offset & 63) & 1 != 0
  }

  mutating func insert(_ address: UInt64) {
    let page = address >> 12
    if bits(page) == nil {
      let fresh = UnsafeMutablePointer<UInt64>.allocate(capacity: StartMap.words)
      fresh.initialize(repeating: 0, count: StartMap.words)
      pages[page] = fresh
      lastBits = fresh
    }
    let offset = Int(address & 0xfff)
    lastBits![offset >> 6] |= 1 << UInt64(offset & 63)
  }

  mutating func remove(_ address: UInt64) {
    guard let bits = bits(address >> 12) else { return }
    let offset = Int(address & 0xfff)
    bits[offset >> 6] &= ~(1 << UInt64(offset & 63))
  }

  mutating func removeAll() {
    pages.values.forEach { $0.deallocate() }
    pages.removeAll()
    lastPage = .max
    lastBits = nil
  }

  @inline(__always)
  private mutating func bits(_ page: UInt64) -> UnsafeMutablePointer<UInt64>? {
    if page != lastPage {
      lastPage = page
      lastBits = pages[page]
    }
    return lastBits
  }
}
