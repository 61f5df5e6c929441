// SPDX-License-Identifier: GPL-3.0-only

/// The parts of an instruction's encoding.
struct RawInstruction: BitwiseCopyable {
  enum Map: UInt8 {
    case primary
    /// Two-byte opcodes: 0F xx.
    case secondary
    /// Three-byte opcodes, VEX, EVEX, XOP.
    case other
  }

  var map = Map.primary
  var opcode: UInt8 = 0
  var length: UInt8 = 0
  var rex: UInt8 = 0
  var modrm: UInt8 = 0
  var modrmOffset: UInt8 = 0
  var hasModRM = false
  var sib: UInt8 = 0
  var hasOperand16 = false
  var hasAddress32 = false
  var hasFS = false
  var hasGS = false
  /// XBEGIN shares its opcode with a move.
  var isTransactionBegin = false
  var isSegmentBaseAccess = false
  var displacementOffset: UInt8 = 0
  var displacement: Int64 = 0
  var immediate: Int64 = 0

  var mod: UInt8 { modrm >> 6 }
  var reg: UInt8 { modrm >> 3 & 7 }
  var rm: UInt8 { modrm & 7 }
  var isWide: Bool { rex & 8 != 0 }
  var extendR: Int { rex & 4 != 0 ? 8 : 0 }
  var extendX: Int { rex & 2 != 0 ? 8 : 0 }
  var extendB: Int { rex & 1 != 0 ? 8 : 0 }
  /// 66 without REX.W: 16-bit operands.
  var isOperand16: Bool { hasOperand16 && !isWide }
}
