// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The process's table of indirect targets: original address -> cache address.
///
/// The second level behind the tables by address (`TargetTables`). Only the server writes entries; the gate
/// reads them without a lock, so an entry's value is written before its key, and a removed entry keeps
/// its place in the probe sequence with a key that no program can have as an address. In the uppermost 16 bits of a value, which are
/// no part of an address, the gate counts how often it was looked up.
struct MasterTable {
  /// 2^64 divided by the golden ratio: spreads addresses that differ in few bits.
  static let multiplier: UInt64 = 0x9e37_79b9_7f4a_7c15
  private static let removed: UInt64 = 1 << 63
  private static let address: UInt64 = 1 << 48 - 1
  /// Behind the last entry that may be used: one more is always empty, which ends the gate's searches. The
  /// server's end here, whatever the program writes to the table.
  private static let end = RegionLayout.masterEntries + RegionLayout.masterTail - 1

  private let memory: UnsafeMutableRawPointer
  private let entries: UnsafeMutablePointer<UInt64>
  private(set) var count = 0
  /// An entry found no place behind the last ones: what is not here is asked for each time.
  private var isOverflowing = false

  init(at memory: UnsafeMutableRawPointer) {
    self.memory = memory
    entries = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// log2 of the bytes of original code that own a page of the table, of this page's entries, and of the
  /// bytes of code that share one. Fewer entries would make longer searches; with more, less code would
  /// touch more pages here, and a page fault costs more than many searches.
  static let codeBits = 15
  static let groupBits = 8
  static let sharedBits = codeBits - groupBits

  /// Spreads code over the table and keeps neighbours together: a program touches less of the table than
  /// it touches of its own code.
  @inline(__always)
  static func hash(_ original: UInt64) -> Int {
    let shift = UInt64(64 - (RegionLayout.masterBits - groupBits))
    let group = ((original >> UInt64(codeBits)) &* multiplier) >> shift
    return Int(truncatingIfNeeded: group << UInt64(groupBits) | (original >> UInt64(sharedBits)) & (1 << UInt64(groupBits) - 1))
  }

  /// Full enough that probing gets slow: the cache must be flushed.
  var isCrowded: Bool { isOverflowing || count > RegionLayout.masterEntries * 3 / 4 }

  mutating func insert(_ original: UInt64, _ target: CacheAddress) {
    var index = MasterTable.hash(original)
    while index < MasterTable.end {
      let key = entries[index * 2]
      if key == original {
        entries[index * 2 + 1] = target.rawValue
        return
      }
      if key == 0 {
        entries[index * 2 + 1] = target.rawValue
        xv_store64(entries + index * 2, original)
        count += 1
        return
      }
      index += 1
    }
    isOverflowing = true
  }

  func lookup(_ original: UInt64) -> CacheAddress? {
    var index = MasterTable.hash(original)
    while index < MasterTable.end {
      let key = entries[index * 2]
      if key == original { return CacheAddress(entries[index * 2 + 1] & MasterTable.address) }
      if key == 0 { return nil }
      index += 1
    }
    return nil
  }

  /// Whether it was there.
  func remove(_ original: UInt64) -> Bool {
    var index = MasterTable.hash(original)
    while index < MasterTable.end {
      let key = entries[index * 2]
      if key == 0 { return false }
      if key == original {
        xv_store64(entries + index * 2, MasterTable.removed)
        return true
      }
      index += 1
    }
    return false
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
