// SPDX-License-Identifier: GPL-3.0-only

/// What the rewriter has to know about one original instruction.
struct Instruction: BitwiseCopyable {
  enum Kind: UInt8 {
    /// Copied as it is.
    case plain
    /// Copied with a new disp32.
    case ripRelative
    case jump
    case conditionalJump
    /// loop, loope, loopne, jcxz, jecxz, jrcxz: rel8 only.
    case shortLoop
    case call
    case indirectJump
    case indirectCall
    case ret
    case systemCall
    /// Uses %gs, which belongs to xv while the guest runs.
    case guestSegment
    /// rdgsbase, wrgsbase, or a move to the gs selector.
    case guestSegmentBase
    /// xbegin: carries a code address.
    case transactionBegin
    /// Far transfers and the like: the server carries out far returns and refuses the others.
    case rare
    // Of a function that stands in its caller's fragment (`Translator+Inline`).
    case inlinedCall
    case inlinedConditionalJump
    case inlinedJump
    case inlinedReturn
    /// No instruction: emitted so that the processor raises the guest's own fault.
    case invalid
  }

  var address: UInt64
  /// Branch target, or the address of a rip-relative operand.
  var target: UInt64
  var length: UInt8
  var kind: Kind
  /// Offset of disp32 in the instruction (rip-relative).
  var displacementOffset: UInt8
  /// Condition code of a conditional jump.
  var condition: UInt8
  /// How many bytes a return drops besides its address.
  var immediate: UInt16
  /// Bytes before the opcode that an indirect transfer's operand load must keep.
  var prefix: OperandPrefix
  /// Offset of ModRM.
  var modrmOffset: UInt8
  var uses: RegisterSet
  var defines: RegisterSet
  /// Scratch registers that it may change in any way.
  var writes: RegisterSet

  var end: UInt64 { address &+ UInt64(length) }
  var isCall: Bool { kind == .call || kind == .indirectCall }
  /// A call, or a jump through memory.
  var isFollowable: Bool { isCall || kind == .indirectJump }

  /// Opcodes d8 to df: x87.
  @inline(__always)
  func isFloatingPoint(_ bytes: UnsafePointer<UInt8>) -> Bool {
    guard modrmOffset > 0, bytes[Int(modrmOffset) - 1] & 0xf8 == 0xd8 else { return false }
    if modrmOffset == 1 { return true }
    // 0f is the second opcode map; c4, c5 and 62 begin vector instructions.
    return bytes[Int(modrmOffset) - 2] != 0x0f && ![0xc4, 0xc5, 0x62].contains(bytes[0])
  }
}

/// Prefixes that change what a memory operand means.
struct OperandPrefix: OptionSet, BitwiseCopyable {
  var rawValue: UInt8
  static let fs = OperandPrefix(rawValue: 1)
  static let gs = OperandPrefix(rawValue: 2)
  static let address32 = OperandPrefix(rawValue: 4)
  static let rexB = OperandPrefix(rawValue: 8)
  static let rexX = OperandPrefix(rawValue: 16)
  /// The operand is rip-relative.
  static let ripRelative = OperandPrefix(rawValue: 32)
  /// The memory operand lies below rsp.
  static let redZone = OperandPrefix(rawValue: 128)
  /// A 66 prefix was present.
  static let operand16 = OperandPrefix(rawValue: 64)
}
