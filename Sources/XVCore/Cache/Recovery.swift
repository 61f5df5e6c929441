// SPDX-License-Identifier: GPL-3.0-only

/// How the original state is made from the processor's state at one place of the cache.
///
/// Holds from its offset up to the next entry's. Registers that are not named stand where they
/// belong.
struct Recovery: BitwiseCopyable {
  enum Form: UInt8 {
    /// pc is `original`.
    case at
    /// pc is `original`; [rsp] must be given back the return address -r11.
    case restoreReturnAddress
    /// Right after a `syscall` instruction: pc is `original`, and so is rcx.
    case afterSystemCall
    /// pc is `original`; the registers whose numbers stand in the two halves of `stackAdjustment` are
    /// in the context's register file.
    case inFile
  }

  /// Offset into the arena.
  var offset: UInt32
  var form: Form
  /// Registers whose values stand in the spill slots.
  var spilled: SpillSet
  /// What must be added to rsp.
  var stackAdjustment: UInt8
  var original: UInt64
}

/// The scratch registers that are in their spill slots.
struct SpillSet: OptionSet, BitwiseCopyable {
  var rawValue: UInt8
  static let rcx = SpillSet(rawValue: 1)
  static let rdx = SpillSet(rawValue: 2)
  static let r11 = SpillSet(rawValue: 4)
  static let all: SpillSet = [.rcx, .rdx, .r11]

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// The entries of one arena segment, in the order of their offsets.
struct RecoveryTable: ~Copyable {
  private var entries = Pool<Recovery>(limit: Arena.hotEnd / 4)

  @inline(__always)
  mutating func append(_ entry: Recovery) { entries.append(entry) }

  mutating func removeAll() { entries.removeAll() }

  var count: Int { entries.count }

  subscript(index: Int) -> Recovery { entries[index] }

  /// The last entry at or before `offset`.
  func entry(covering offset: UInt32) -> Recovery? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : entries[low - 1]
  }

  /// Entries whose offsets lie in `range`.
  func entries(in range: Range<UInt32>) -> [Recovery] {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].offset < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    var result: [Recovery] = []
    while low < entries.count, entries[low].offset < range.upperBound {
      result.append(entries[low])
      low += 1
    }
    return result
  }
}
