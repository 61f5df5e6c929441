// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The process's table of indirect targets: original address -> cache address.
///
/// The second level behind the tables by address (`TargetTables`). Only the server writes it; the gate
/// reads it without a lock, so an entry's value is written before its key, and a removed entry keeps
/// its place in the probe sequence with a key that never matches.
struct MasterTable {
  /// 2^64 divided by the golden ratio: spreads addresses that differ in few bits.
  static let multiplier: UInt64 = 0x9e37_79b9_7f4a_7c15
  private static let removed: UInt64 = 1

  private let memory: UnsafeMutableRawPointer
  private let entries: UnsafeMutablePointer<UInt64>
  private(set) var count = 0
  /// An entry found no place behind the last ones: what is not here is asked for each time.
  private var isOverflowing = false

  init(at memory: UnsafeMutableRawPointer) {
    self.memory = memory
    entries = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// log2 of the entries that one page of original code owns, and of the bytes of code that share one.
  /// Fewer entries would make longer searches; with more, each page of code would touch pages of its
  /// own here, and a page fault costs more than many searches.
  static let groupBits = 7
  static let sharedBits = 12 - groupBits

  /// Spreads pages of code over the table and keeps the addresses of one page together: a program
  /// touches as little of the table as it touches of its own code.
  @inline(__always)
  static func hash(_ original: UInt64) -> Int {
    let shift = UInt64(64 - (RegionLayout.masterBits - groupBits))
    let group = ((original >> 12) &* multiplier) >> shift
    return Int(truncatingIfNeeded: group << UInt64(groupBits) | (original >> UInt64(sharedBits)) & (1 << UInt64(groupBits) - 1))
  }

  /// Full enough that probing gets slow: the cache must be flushed.
  var isCrowded: Bool { isOverflowing || count > RegionLayout.masterEntries * 3 / 4 }

  mutating func insert(_ original: UInt64, _ target: CacheAddress) {
    var index = MasterTable.hash(original)
    while true {
      let key = entries[index * 2]
      if key == original {
        entries[index * 2 + 1] = target.rawValue
        return
      }
      if key == 0 { break }
      index += 1
    }
    guard index < RegionLayout.masterEntries + RegionLayout.masterTail - 1 else {
      isOverflowing = true
      return
    }
    entries[index * 2 + 1] = target.rawValue
    xv_store64(entries + index * 2, original)
    count += 1
  }

  func lookup(_ original: UInt64) -> CacheAddress? {
    var index = MasterTable.hash(original)
    while true {
      let key = entries[index * 2]
      if key == original { return CacheAddress(entries[index * 2 + 1]) }
      if key == 0 { return nil }
      index += 1
    }
  }

  /// Whether it was there.
  func remove(_ original: UInt64) -> Bool {
    var index = MasterTable.hash(original)
    while true {
      let key = entries[index * 2]
      if key == 0 { return false }
      if key == original {
        xv_store64(entries + index * 2, MasterTable.removed)
        return true
      }
      index += 1
    }
  }
}


extension MasterTable {
  /// Empties the table. No thread may be looking.
  mutating func removeAll() {
    guard count > 0 else { return }
    // The pages go back to the kernel and read as zero.
    if madvise(memory, RegionLayout.masterTableSize, MADV_REMOVE) != 0 {
      memset(memory, 0, RegionLayout.masterTableSize)
    }
    count = 0
    isOverflowing = false
  }
}
