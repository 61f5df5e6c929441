// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Original address -> block number, by open addressing.
struct BlockTable: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var original: UInt64
    /// The block's number plus one: fresh pages, which read as zero, are empty slots.
    var next: Int32
  }

  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0

  init(bits: Int = 16) {
    mask = (1 << bits) - 1
    slots = BlockTable.makeSlots(mask + 1)
  }

  deinit { BlockTable.release(slots, mask + 1) }

  private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
    let bytes = count * MemoryLayout<Slot>.stride
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, Int(bitPattern: memory) != -1 else {
      fatalError("xv: no memory for a table of \(bytes) bytes")
    }
    madvise(memory, bytes, MADV_HUGEPAGE)
    return memory.bindMemory(to: Slot.self, capacity: count)
  }

  private static func release(_ slots: UnsafeMutablePointer<Slot>, _ count: Int) {
    munmap(slots, count * MemoryLayout<Slot>.stride)
  }

  @inline(__always)
  private static func hash(_ original: UInt64) -> Int {
    // Pages are spread, addresses of one page stay together: neighbours share cache lines.
    let group = ((original >> 12) &* MasterTable.multiplier) >> 40
    return Int(truncatingIfNeeded: group << 9 | (original >> 3) & 511)
  }

  /// How far it is to the next slot when one is taken: as different as the pages that met there, for each of
  /// which many slots are taken in a row.
  @inline(__always)
  private static func step(_ original: UInt64) -> Int {
    Int(truncatingIfNeeded: ((original >> 12) &* MasterTable.multiplier) >> 52) | 1
  }

  @inline(__always)
  func find(_ original: UInt64) -> Int32 {
    var index = BlockTable.hash(original) & mask
    while true {
      let slot = slots[index]
      if slot.next == 0 || slot.original == original { return slot.next &- 1 }
      index = (index &+ BlockTable.step(original)) & mask
    }
  }

  /// An address will be looked up soon.
  @inline(__always)
  func prefetch(_ original: UInt64) { xv_prefetch(slots + (BlockTable.hash(original) & mask)) }

  /// Adds an address that is not there.
  mutating func insert(_ original: UInt64, _ block: Int32) {
    if count &* 2 > mask { grow() }
    place(original, block)
    count &+= 1
  }

  @inline(__always)
  private func place(_ original: UInt64, _ block: Int32) {
    var index = BlockTable.hash(original) & mask
    while slots[index].next != 0 { index = (index &+ BlockTable.step(original)) & mask }
    slots[index] = Slot(original: original, next: block &+ 1)
  }

  mutating func removeAll() {
    memset(slots, 0, (mask + 1) * MemoryLayout<Slot>.stride)
    count = 0
  }

  @inline(never)
  private mutating func grow() {
    let old = slots
    let oldCount = mask + 1
    mask = oldCount * (oldCount < 1 << 18 ? 4 : 2) - 1
    slots = BlockTable.makeSlots(mask + 1)
    for index in 0..<oldCount where old[index].next != 0 {
      place(old[index].original, old[index].next &- 1)
    }
    BlockTable.release(old, oldCount)
  }
}
