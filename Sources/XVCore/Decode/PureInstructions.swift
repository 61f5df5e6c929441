// SPDX-License-Identifier: GPL-3.0-only

extension RawInstruction {
  /// Whether the instruction certainly does nothing but compute registers and flags from registers and memory, and
  /// rsp is none of these registers. Opcode tables: Intel SDM volume 2, appendix A.
  var onlyComputes: Bool {
    guard !hasGS, !namesStackPointer else { return false }
    return switch map {
    case .primary: primaryOnlyComputes
    case .secondary: secondaryOnlyComputes
    case .other: false
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
    case 0xb0...0xbf: return opcode & 7 != 4 || extendB != 0
    // nop; sign extensions; test with an immediate.
    case 0x90: return rex & 1 == 0
    case 0x98, 0x99, 0xa8, 0xa9: return true
    // add, or, adc, sbb, and, sub, xor, cmp: with an immediate; into a register; into what ModRM names.
    case 0x00...0x3f where opcode & 7 < 6: return opcode & 6 != 0 || mod == 3 || opcode >= 0x38
    // movsxd, imul, test, mov, lea.
    case 0x63, 0x69, 0x6b, 0x84, 0x85, 0x8a, 0x8b, 0x8d: return true
    case 0x88, 0x89: return mod == 3
    case 0x80, 0x81, 0x83: return mod == 3 || isComparison
    case 0xc0, 0xc1, 0xd0...0xd3: return mod == 3
    case 0xf6, 0xf7: return mod == 3 || (reg != 2 && reg != 3)
    case 0xc6, 0xc7: return mod == 3 && reg == 0
    case 0xfe, 0xff: return mod == 3 && reg < 2
    default: return false
    }
  }

  private var isComparison: Bool { reg == 7 }

  private var secondaryOnlyComputes: Bool {
    switch opcode {
    // Moves and arithmetic of vectors; nop; conversions and comparisons.
    case 0x10, 0x12, 0x14...0x16, 0x1f, 0x28, 0x2a, 0x2c...0x2f, 0x51...0x70, 0x74...0x76: hasModRM
    // endbr64 and other hints.
    case 0x1e: mod == 3
    // cmov, bt, imul, movzx, bit scans, movsx.
    case 0x40...0x4f, 0xa3, 0xaf, 0xb6, 0xb7, 0xbc...0xbf: hasModRM
    // setcc; bt with an immediate.
    case 0x90...0x9f, 0xba: mod == 3
    // bswap.
    case 0xc8...0xcf: opcode & 7 != 4 || extendB != 0
    case 0xc2, 0xc6, 0xd0...0xd5, 0xd8...0xe6, 0xe8...0xf6, 0xf8...0xfe: hasModRM
    default: false
    }
  }
}
