// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Original address -> block number, by open addressing.
///
/// A slot holds half of the address: what is found is asked for its own, which its block knows. A program's first run
/// through its code fills this table, and each page of it costs a page fault.
struct BlockTable: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var lowerHalf: UInt32
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

  /// Makes room in the empty table for as many blocks at once.
  mutating func reserve(_ blocks: Int) {
    guard count == 0, blocks &* 2 > mask else { return }
    BlockTable.release(slots, mask + 1)
    while blocks &* 2 > mask { mask = mask << 1 | 1 }
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

  /// The number of the block at an address, or -1. `address` tells the address of a block that has the same lower half.
  @inline(__always)
  func find(_ original: UInt64, address: (Int32) -> UInt64) -> Int32 {
    var index = BlockTable.hash(original) & mask
    while true {
      let slot = slots[index]
      if slot.next == 0 { return -1 }
      if slot.lowerHalf == UInt32(truncatingIfNeeded: original), address(slot.next &- 1) == original {
        return slot.next &- 1
      }
      index = (index &+ BlockTable.step(original)) & mask
    }
  }

  /// An address will be looked up soon.
  @inline(__always)
  func prefetch(_ original: UInt64) { xv_prefetch(slots + (BlockTable.hash(original) & mask)) }

  /// Adds an address that is not there.
  @inline(__always)
  mutating func insert(_ original: UInt64, _ block: Int32, address: (Int32) -> UInt64) {
    if count &* 2 > mask { grow(address) }
    place(original, block)
    count &+= 1
  }

  @inline(__always)
  private func place(_ original: UInt64, _ block: Int32) {
    var index = BlockTable.hash(original) & mask
    while slots[index].next != 0 { index = (index &+ BlockTable.step(original)) & mask }
    slots[index] = Slot(lowerHalf: UInt32(truncatingIfNeeded: original), next: block &+ 1)
  }

  mutating func removeAll() {
    memset(slots, 0, (mask + 1) * MemoryLayout<Slot>.stride)
    count = 0
  }

  @inline(never)
  private mutating func grow(_ address: (Int32) -> UInt64) {
    let old = slots
    let oldCount = mask + 1
    mask = oldCount * (oldCount < 1 << 18 ? 4 : 2) - 1
    slots = BlockTable.makeSlots(mask + 1)
    for index in 0..<oldCount where old[index].next != 0 {
      let block = old[index].next &- 1
      place(address(block), block)
    }
    BlockTable.release(old, oldCount)
  }
}
