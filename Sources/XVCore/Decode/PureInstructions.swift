// SPDX-License-Identifier: GPL-3.0-only

extension RawInstruction {
  /// Whether the instruction certainly does nothing but compute registers and flags from registers and memory, and
  /// rsp is none of these registers. Opcode tables: Intel SDM volume 2, appendix A.
  var onlyComputes: Bool {
    guard !hasGS, !namesStackPointer, !mayWriteMemory else { return false }
    return switch map {
    case .primary: primaryOnlyComputes
    case .secondary: secondaryOnlyComputes
    case .other: false
    }
  }

  /// Whether it is a jump to an address of its own or a return.
  var isJumpOrReturn: Bool {
    switch opcode {
    case 0x70...0x7f, 0xc2, 0xc3, 0xe9, 0xeb: map == .primary
    case 0x80...0x8f: map == .secondary
    default: false
    }
  }

  /// Whether ModRM names rsp as a register. ah and xmm4, which have the same number, count as rsp: that costs little.
  private var namesStackPointer: Bool {
    guard hasModRM else { return false }
    return mod == 3 && rm == 4 && extendB == 0 || !hasGroup && reg == 4 && extendR == 0
  }

  /// Whether ModRM.reg is a part of the opcode.
  private var hasGroup: Bool {
    switch opcode {
    case 0x80, 0x81, 0x83, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0...0xd3, 0xf6, 0xf7, 0xfe, 0xff: map == .primary
    case 0x1e, 0x1f, 0x90...0x9f, 0xba: map == .secondary
    default: false
    }
  }

  private var primaryOnlyComputes: Bool {
    switch opcode {
    // mov register, immediate. 4 is rsp or ah.
    case 0xb0...0xbf: opcode & 7 != 4 || extendB != 0
    // nop.
    case 0x90: rex & 1 == 0
    // add, or, adc, sbb, and, sub, xor, cmp.
    case 0x00...0x3f: opcode & 7 < 6
    // movsxd, imul, arithmetic with an immediate, test, mov, lea, sign extensions, test, shifts, test ... div.
    case 0x63, 0x69, 0x6b, 0x80, 0x81, 0x83...0x85, 0x88...0x8b, 0x8d, 0x98, 0x99, 0xa8, 0xa9: true
    case 0xc0, 0xc1, 0xd0...0xd3, 0xf6, 0xf7: true
    // mov with an immediate; inc, dec.
    case 0xc6, 0xc7: reg == 0
    case 0xfe, 0xff: reg < 2
    default: false
    }
  }

  private var secondaryOnlyComputes: Bool {
    switch opcode {
    // Moves and arithmetic of vectors; nop; conversions and comparisons.
    case 0x10, 0x12, 0x14...0x16, 0x1f, 0x28, 0x2a, 0x2c...0x2f, 0x51...0x70, 0x74...0x76: true
    case 0xc2, 0xc6, 0xd0...0xd5, 0xd8...0xe6, 0xe8...0xf6, 0xf8...0xfe: true
    // endbr64 and other hints.
    case 0x1e: mod == 3
    // cmov, setcc, bt, imul, movzx, bt and the like with an immediate, bit scans, movsx.
    case 0x40...0x4f, 0x90...0x9f, 0xa3, 0xaf, 0xb6, 0xb7, 0xba, 0xbc...0xbf: true
    // bswap.
    case 0xc8...0xcf: opcode & 7 != 4 || extendB != 0
    default: false
    }
  }
}
