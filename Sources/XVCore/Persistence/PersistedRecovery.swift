// SPDX-License-Identifier: GPL-3.0-only

/// A recovery entry in 8 bytes, relative to its unit.
struct PackedRecovery: BitwiseCopyable {
  var original: UInt32
  var offset: UInt16
  /// Four bits, two for what is in place, two for what is in slots.
  var formAndRegisters: UInt8
  var stackAdjustment: UInt8

  init(_ entry: Recovery, base: UInt32, slide: UInt64) {
    original = UInt32(truncatingIfNeeded: entry.original &- slide)
    offset = UInt16(truncatingIfNeeded: entry.offset &- base)
    formAndRegisters = entry.form.rawValue << 4 | entry.inPlace.rawValue << 2 | entry.spilled.rawValue
    stackAdjustment = entry.stackAdjustment
  }

  func entry(base: UInt32, slide: UInt64) -> Recovery {
    Recovery(
      offset: base &+ UInt32(offset), form: Recovery.Form(rawValue: formAndRegisters >> 4) ?? .at,
      spilled: SpillSet(rawValue: formAndRegisters & 3),
      inPlace: SpillSet(rawValue: formAndRegisters >> 2 & 3), stackAdjustment: stackAdjustment,
      original: slide &+ UInt64(original))
  }
}

/// The recovery entries of a unit that an earlier run has made. They stay where they are, in the mapped
/// file: hardly any is ever asked for.
struct PersistedRecovery: BitwiseCopyable {
  let entries: UnsafeBufferPointer<PackedRecovery>
  /// Where the unit begins in the arena, and where its file's first byte would lie.
  let base: UInt32
  let slide: UInt64

  /// The last entry at or before `offset`; they are in the order of their offsets.
  func entry(covering offset: UInt32) -> Recovery? {
    entries.last { base &+ UInt32($0.offset) <= offset }?.entry(base: base, slide: slide)
  }

  func isLookupEntry(_ offset: UInt32) -> Bool {
    entries.contains {
      base &+ UInt32($0.offset) == offset && $0.entry(base: base, slide: slide).isLookupEntry
    }
  }

  var all: [Recovery] { entries.map { $0.entry(base: base, slide: slide) } }
}
