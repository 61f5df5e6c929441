// SPDX-License-Identifier: GPL-3.0-only

/// Original address -> block number, by open addressing.
struct BlockTable: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var original: UInt64
    var block: Int32
  }

  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0

  init(bits: Int = 16) {
    mask = (1 << bits) - 1
    slots = BlockTable.makeSlots(mask + 1)
  }

  deinit { slots.deallocate() }

  private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
    slots.initialize(repeating: Slot(original: 0, block: -1), count: count)
    return slots
  }

  @inline(__always)
  private static func hash(_ original: UInt64) -> Int {
    // Pages are spread, addresses of one page stay together: neighbours share cache lines.
    let group = ((original >> 12) &* MasterTable.multiplier) >> 40
    return Int(truncatingIfNeeded: group << 9 | (original >> 3) & 511)
  }

  @inline(__always)
  func find(_ original: UInt64) -> Int32 {
    var index = BlockTable.hash(original) & mask
    while true {
      let slot = slots[index]
      if slot.block < 0 || slot.original == original { return slot.block }
      index = (index &+ 1) & mask
    }
  }

  /// Adds an address that is not there.
  mutating func insert(_ original: UInt64, _ block: Int32) {
    if count &* 2 > mask { grow() }
    place(original, block)
    count &+= 1
  }

  @inline(__always)
  private func place(_ original: UInt64, _ block: Int32) {
    var index = BlockTable.hash(original) & mask
    while slots[index].block >= 0 { index = (index &+ 1) & mask }
    slots[index] = Slot(original: original, block: block)
  }

  mutating func removeAll() {
    slots.initialize(repeating: Slot(original: 0, block: -1), count: mask + 1)
    count = 0
  }

  @inline(never)
  private mutating func grow() {
    let old = slots
    let oldCount = mask + 1
    mask = oldCount * 2 - 1
    slots = BlockTable.makeSlots(mask + 1)
    for index in 0..<oldCount where old[index].block >= 0 {
      place(old[index].original, old[index].block)
    }
    old.deallocate()
  }
}
