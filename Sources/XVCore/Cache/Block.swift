// SPDX-License-Identifier: GPL-3.0-only

/// A basic block of original code and where its translation stands.
///
/// Several blocks are emitted together, in fall-through order, as one unit; each of them can be
/// entered. Offset 0 means "none".
struct Block: BitwiseCopyable {
  enum State: UInt8 {
    /// Somebody jumps there; not translated.
    case wanted
    case live
  }

  var original: UInt64
  // Small things together: there are hundreds of thousands of blocks, and each page of them costs a page fault.
  /// Bytes of original code.
  var length: UInt16 = 0
  var arena: UInt8 = 0
  var state: State = .wanted
  /// Code of a file, mapped private and read-only.
  var isStable = false
  /// Scratch registers that `linked` needs in place.
  var live: SpillSet = .all
  /// What `body` needs in registers, and of which it needs the values in their slots.
  var bodyLive: SpillSet = .all
  var slots: SpillSet = []
  /// When it follows a call: how long that is, and the slots that its translation relies on.
  var callLength: UInt8 = 0
  var callValid: SpillSet = []
  /// `returnEntry` stands right behind its call instruction, where the processor's return predictor expects it.
  var returnsBehindCall = false
  /// The code of a called function inside another's unit: nobody enters here.
  var isInlined = false
  /// Entry with all registers in place: direct jumps.
  var linked: UInt32 = 0
  /// The code itself. Unless it needs no slots, `linked` stores them first.
  var body: UInt32 = 0
  /// Entry of direct calls: drops the cache address that the call instruction pushed.
  var callEntry: UInt32 = 0
  /// Entry of indirect jumps, and of other exits with all slots valid: reloads live scratch registers.
  /// Calls enter 5 bytes before.
  var jumpEntry: UInt32 = 0
  /// Entry of returns.
  var returnEntry: UInt32 = 0
  /// When it follows a call: where that call's translation begins.
  var callSite: UInt32 = 0
  /// Exits that lead here, linked or waiting.
  var incoming: Int32 = -1
  var unit: Int32 = -1
  var nextInUnit: Int32 = -1
}

/// A direct way out of a fragment.
struct Exit: BitwiseCopyable {
  enum Kind: UInt8 {
    case jump
    case call
    case systemCall
    case probe
    /// The end of a single step.
    case stepped
    /// An instruction that the server must carry out.
    case rare
    /// A block found that its original code has changed.
    case stale
    /// A block that checks itself has run often.
    case hot
    /// An access that may meet a watchpoint.
    case watched
  }

  /// The number of no exit.
  static let none = UInt32.max

  var kind: Kind
  var arena: UInt8
  var isLinked = false
  /// The spill slots that are valid here.
  var valid: SpillSet = []
  /// Scratch registers that are in place. Unless all slots are valid, whatever the target needs is.
  var held: SpillSet = .all
  /// Offset of the rel32 that is patched (jump and call).
  var field: UInt32 = 0
  /// Offset of the cold stub, 0 until one is needed.
  var stub: UInt32 = 0
  /// Where the program goes on.
  var target: UInt64
  /// The next exit with the same target.
  var next: Int32 = -1

  /// By which door it will enter a block that is made for it.
  var entry: EntryKind {
    // Who has run often and is made anew is come to in all ways: slots cost the least.
    if valid == .all || kind == .hot { return .jump }
    return kind == .call ? .call : .linked
  }
}

/// Blocks that were emitted together and die together.
struct Unit: BitwiseCopyable {
  var firstBlock: Int32
  var arena: UInt8
  var firstExit: Int32
  var exitCount: Int32
  var hot: UInt32
  var hotEnd: UInt32
  var isDead = false

  // What a collection needs to write the unit down (`Translator+Collect`).
  var isAbsolute = false
  var isUnmovable = false
  var blockCount: UInt16 = 0
  var relocationCount: UInt16 = 0
  var firstRelocation: Int32 = 0
  var cold: UInt32 = 0
  var coldEnd: UInt32 = 0
  var literal: UInt32 = 0
  var literalEnd: UInt32 = 0
  var detachedEntry: UInt32 = 0
  var detachedOriginal: UInt64 = 0
  /// What it was copied from, and where the first byte of its file would lie.
  var record: UnsafeRawPointer? = nil
  var slide: UInt64 = 0

  /// Whether the code at an offset into its arena is its own.
  func holds(_ offset: UInt32) -> Bool { hot..<hotEnd ~= offset || cold..<coldEnd ~= offset }
}
