// SPDX-License-Identifier: GPL-3.0-only

/// What a thread that has just accessed memory in the cache was doing there.
enum AccessPlace {
  /// The original instruction is not done.
  case inside
  /// The original instruction that made the access is done.
  case behind
  /// A real call instruction has stored its cache address, which the program does not have.
  case behindCall
}

extension Translator {
  /// The place of the access behind which the processor stands at `pc`.
  ///
  /// A trap comes behind the instruction that made the access, so what stands one byte before tells
  /// which original instruction that was, unless it was a transfer. The one kind of transfer that
  /// stores is a call; its target drops the address first thing.
  func accessPlace(at pc: UInt64) -> AccessPlace {
    guard let arena = arena(containing: pc) else { return .behind }
    let offset = UInt32(pc &- arenas[arena].guest)
    guard let here = arenas[arena].recovery(at: offset) else { return .behind }
    let isPlain = here.form == .at && here.spilled.isEmpty && here.stackAdjustment == 0
    // A loop of one instruction comes to its own beginning.
    if here.offset == offset, isPlain { return .behind }
    if offset > 0, arenas[arena].recovery(at: offset - 1)?.original == here.original { return .inside }
    return here.form == .at && here.stackAdjustment == 8 ? .behindCall : .behind
  }
}
