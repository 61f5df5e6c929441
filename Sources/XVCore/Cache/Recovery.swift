// SPDX-License-Identifier: GPL-3.0-only

/// How the original state is made from the processor's state at one place of the cache.
///
/// Holds from its offset up to the next entry's. Registers that are not named stand where they
/// belong.
struct Recovery: BitwiseCopyable {
  enum Form: UInt8 {
    /// pc is `original`.
    case at
    /// pc is `original`; [rsp] must be given back the return address that rcx is the entry of.
    case restoreReturnAddress
    /// Right after a `syscall` instruction: pc is `original`, and so is rcx.
    case afterSystemCall
    /// pc is `original`; the registers whose numbers stand in the two halves of `stackAdjustment` are
    /// in the context's register file.
    case inFile
    /// Not an entry: `original` is the number of a `PersistedRecovery`, whose entries begin here.
    case persisted
  }

  /// Offset into the arena.
  var offset: UInt32
  var form: Form
  /// Registers whose values stand in the spill slots.
  var spilled: SpillSet
  /// Scratch registers that are certain to hold their own values. Of the others one may hold what a lookup
  /// has left there.
  var inPlace: SpillSet = []
  /// What must be added to rsp.
  var stackAdjustment: UInt8
  var original: UInt64

  var isLookupEntry: Bool { form == .at && spilled == .all }
}

/// The scratch registers that are in their spill slots.
struct SpillSet: OptionSet, BitwiseCopyable {
  var rawValue: UInt8
  static let rcx = SpillSet(rawValue: 1)
  static let rdx = SpillSet(rawValue: 2)
  static let all: SpillSet = [.rcx, .rdx]

  init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// The entries of one arena segment, in the order of their offsets.
struct RecoveryTable: ~Copyable {
  private var entries = Pool<Recovery>(limit: Arena.hotEnd / 4)
  private var persisted = Pool<PersistedRecovery>(limit: 1 << 22)

  @inline(__always)
  mutating func append(_ entry: Recovery) { entries.append(entry) }

  /// The entries of a unit that an earlier run has made, which begin at its first byte.
  mutating func append(_ unit: PersistedRecovery) {
    guard !unit.entries.isEmpty else { return }
    entries.append(
      Recovery(
        offset: unit.base, form: .persisted, spilled: [], stackAdjustment: 0,
        original: UInt64(persisted.count)))
    persisted.append(unit)
  }

  mutating func removeAll() {
    entries.removeAll()
    persisted.removeAll()
  }

  var count: Int { entries.count }

  var hasRoom: Bool { entries.hasRoom && persisted.hasRoom }

  subscript(index: Int) -> Recovery { entries[index] }

  /// The last entry at or before `offset`.
  func entry(covering offset: UInt32) -> Recovery? {
    let index = firstIndex(after: offset)
    guard index > 0 else { return nil }
    let entry = entries[index - 1]
    return entry.form == .persisted
      ? persisted[Int(entry.original)].entry(covering: offset) : entry
  }

  /// Whether code for those who come from a lookup begins at `offset`, with the scratch registers in their
  /// slots. Where nothing has to be reloaded another entry has the same offset.
  func isLookupEntry(_ offset: UInt32) -> Bool {
    let end = firstIndex(after: offset)
    guard end > 0 else { return false }
    if entries[end - 1].form == .persisted {
      return persisted[Int(entries[end - 1].original)].isLookupEntry(offset)
    }
    var index = end - 1
    while index >= 0, entries[index].offset == offset {
      if entries[index].isLookupEntry { return true }
      index -= 1
    }
    return false
  }

  /// Entries whose offsets lie in `range`.
  func entries(in range: Range<UInt32>) -> [Recovery] {
    // A persisted unit that begins before the range may reach into it.
    var index = max(0, firstIndex(after: range.lowerBound) - 1)
    var result: [Recovery] = []
    while index < entries.count, entries[index].offset < range.upperBound {
      let entry = entries[index]
      if entry.form == .persisted {
        result += persisted[Int(entry.original)].all.filter { range.contains($0.offset) }
      } else if range.contains(entry.offset) {
        result.append(entry)
      }
      index += 1
    }
    return result
  }

  /// The first entry behind `offset`.
  private func firstIndex(after offset: UInt32) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
