// SPDX-License-Identifier: GPL-3.0-only

/// Which of the scratch registers (rcx, rdx) an instruction reads and which it overwrites.
///
/// Works on the encoding because decoding operands would cost more than the rest of a translation.
/// It errs on one side only: a register is called defined when the instruction certainly overwrites
/// all 64 bits without reading them, and used unless it certainly is not. Opcode tables: Intel SDM
/// volume 2, appendix A.
enum ScratchLiveness {
  @inline(__always)
  static func annotate(_ instruction: inout Instruction, _ raw: RawInstruction) {
    guard raw.map != .other else {
      instruction.uses = .scratch
      instruction.writes = .scratch
      return
    }
    let operands = Operands(raw)
    var uses = operands.memory
    var defines: RegisterSet = []
    if raw.map == .primary {
      defaultMap(raw.opcode, operands, &uses, &defines)
      instruction.writes = primaryWrites(raw.opcode, operands).intersection(.scratch)
    } else {
      map0F(raw.opcode, operands, &uses, &defines)
      instruction.writes = secondaryWrites(raw.opcode, operands).intersection(.scratch)
    }
    // A 16-bit write keeps the upper bits.
    if raw.isOperand16 {
      uses.formUnion(defines)
      defines = []
    }
    instruction.uses = uses.intersection(.scratch)
    instruction.defines = defines.subtracting(uses).intersection(.scratch)
  }

  /// The registers that ModRM and SIB name.
  struct Operands {
    var reg: Int
    var rm: Int
    var isMemory: Bool
    var hasRex: Bool
    var low: Int
    var memory: RegisterSet = []

    @inline(__always)
    init(_ raw: RawInstruction) {
      hasRex = raw.rex != 0
      reg = Int(raw.reg) | raw.extendR
      rm = Int(raw.rm) | raw.extendB
      low = Int(raw.opcode & 7) | raw.extendB
      isMemory = raw.hasModRM && raw.mod != 3
      guard isMemory else { return }
      if raw.rm == 4 {
        let base = Int(raw.sib & 7)
        if !(base == 5 && raw.mod == 0) { memory.insert(RegisterSet(base | raw.extendB)) }
        let index = Int(raw.sib >> 3 & 7) | raw.extendX
        if index != 4 { memory.insert(RegisterSet(index)) }
      } else if !(raw.rm == 5 && raw.mod == 0) {
        memory.insert(RegisterSet(rm))
      }
    }

    /// The register that holds an 8-bit operand: without REX, 4...7 are ah, ch, dh, bh.
    @inline(__always)
    func byte(_ register: Int) -> RegisterSet {
      RegisterSet(!hasRex && register >= 4 && register < 8 ? register - 4 : register)
    }
    var regSet: RegisterSet { RegisterSet(reg) }
    var rmSet: RegisterSet { isMemory ? [] : RegisterSet(rm) }
    var byteRM: RegisterSet { isMemory ? [] : byte(rm) }
  }

  @inline(__always)
  private static func defaultMap(
    _ opcode: UInt8, _ operands: Operands, _ uses: inout RegisterSet, _ defines: inout RegisterSet
  ) {
    switch opcode {
    case 0x00...0x3f:
      switch opcode & 7 {
      case 0, 2:
        uses.formUnion(operands.byte(operands.reg))
        uses.formUnion(operands.byteRM)
      case 1, 3:
        let zeroing = opcode & 0xfd == 0x29 || opcode & 0xfd == 0x31
        if zeroing, !operands.isMemory, operands.reg == operands.rm {
          defines.formUnion(operands.regSet)
        } else {
          uses.formUnion(operands.regSet)
          uses.formUnion(operands.rmSet)
        }
      default: break  // al, imm8 and eax, imm32
      }
    case 0x50...0x57: uses.insert(RegisterSet(operands.low))
    case 0x58...0x5f: defines.insert(RegisterSet(operands.low))
    case 0x63, 0x69, 0x6b:
      uses.formUnion(operands.rmSet)
      defines.formUnion(operands.regSet)
    case 0x68, 0x6a, 0x70...0x7f, 0x90, 0x98, 0xa8, 0xa9, 0xe9, 0xeb: break
    case 0x80, 0xc0, 0xd0, 0x88, 0x8a, 0x84, 0x86, 0xc6, 0xfe:
      uses.formUnion(operands.byteRM)
      if opcode == 0x88 || opcode == 0x8a || opcode == 0x84 || opcode == 0x86 {
        uses.formUnion(operands.byte(operands.reg))
      }
    case 0x81, 0x83, 0xc1, 0xd1: uses.formUnion(operands.rmSet)
    case 0x85, 0x87:
      uses.formUnion(operands.rmSet)
      uses.formUnion(operands.regSet)
    case 0x89:
      uses.formUnion(operands.regSet)
      defines.formUnion(operands.rmSet)
    case 0x8b:
      uses.formUnion(operands.rmSet)
      defines.formUnion(operands.regSet)
    case 0x8d: defines.formUnion(operands.regSet)
    case 0x99: defines.insert(.rdx)
    case 0xb8...0xbf: defines.insert(RegisterSet(operands.low))
    case 0xc7: defines.formUnion(operands.rmSet)
    case 0xd3:
      uses.insert(.rcx)
      uses.formUnion(operands.rmSet)
    // inc, dec, push, and the target of an indirect call or jump.
    case 0xff where operands.reg & 7 != 3 && operands.reg & 7 != 5 && operands.reg & 7 != 7:
      uses.formUnion(operands.rmSet)
    case 0xf6 where operands.reg & 7 < 2: uses.formUnion(operands.byteRM)
    case 0xf7 where operands.reg & 7 < 4: uses.formUnion(operands.rmSet)
    default: uses = .scratch
    }
  }

  @inline(__always)
  private static func map0F(
    _ opcode: UInt8, _ operands: Operands, _ uses: inout RegisterSet, _ defines: inout RegisterSet
  ) {
    switch opcode {
    // Vector moves and arithmetic: only the address registers are general.
    case 0x10...0x17, 0x28, 0x29, 0x2e, 0x2f, 0x51...0x6d, 0x6f, 0x7f, 0xd6, 0xef, 0xeb, 0xfe, 0xd4:
      break
    case 0x18...0x1f: break  // hints, endbr64, long nop
    case 0x2a, 0x6e: uses.formUnion(operands.rmSet)
    case 0x40...0x4f, 0xaf, 0xbc, 0xbd, 0xb8, 0xb1, 0xc1:
      uses.formUnion(operands.regSet)
      uses.formUnion(operands.rmSet)
    case 0x80...0x8f: break
    case 0x90...0x9f: uses.formUnion(operands.byteRM)
    case 0xa3, 0xab, 0xb3, 0xbb:
      uses.formUnion(operands.regSet)
      uses.formUnion(operands.rmSet)
    case 0xba: uses.formUnion(operands.rmSet)
    case 0xb6, 0xbe:
      uses.formUnion(operands.byteRM)
      defines.formUnion(operands.regSet)
    case 0xb7, 0xbf:
      uses.formUnion(operands.rmSet)
      defines.formUnion(operands.regSet)
    case 0xc8...0xcf: uses.insert(RegisterSet(operands.low))
    case 0x05:
      uses.insert(.rdx)
      defines.insert(.rcx)
    default: uses = .scratch
    }
  }

  // MARK: Writes

  @inline(__always)
  private static func primaryWrites(_ opcode: UInt8, _ operands: Operands) -> RegisterSet {
    switch opcode {
    case 0x38...0x3d: return []  // cmp
    case 0x00...0x3f:
      switch opcode & 7 {
      case 0: return operands.byteRM
      case 1: return operands.rmSet
      case 2: return operands.byte(operands.reg)
      case 3: return operands.regSet
      default: return []
      }
    case 0x50...0x57, 0x68, 0x6a, 0x70...0x7f, 0x84, 0x85, 0x90, 0x98, 0xa8, 0xa9, 0xc2, 0xc3,
      0xe8, 0xe9, 0xeb:
      return []
    case 0x58...0x5f, 0xb8...0xbf: return RegisterSet(operands.low)
    case 0x63, 0x69, 0x6b, 0x8b, 0x8d: return operands.regSet
    case 0x8a: return operands.byte(operands.reg)
    case 0x80: return operands.reg & 7 == 7 ? [] : operands.byteRM
    case 0x81, 0x83: return operands.reg & 7 == 7 ? [] : operands.rmSet
    case 0x88, 0xc0, 0xc6, 0xd0, 0xfe: return operands.byteRM
    case 0x89, 0xc1, 0xc7, 0xd1, 0xd3: return operands.rmSet
    case 0x99: return .rdx
    case 0xf6 where operands.reg & 7 < 2: return []
    case 0xf7 where operands.reg & 7 < 2: return []
    case 0xf7 where operands.reg & 7 < 4: return operands.rmSet
    case 0xff where operands.reg & 7 < 2: return operands.rmSet
    case 0xff where operands.reg & 1 == 0: return []  // call, jump, push
    default: return .scratch
    }
  }

  @inline(__always)
  private static func secondaryWrites(_ opcode: UInt8, _ operands: Operands) -> RegisterSet {
    switch opcode {
    case 0x05: return .rcx
    case 0x10...0x1f, 0x28, 0x29, 0x2a, 0x2e, 0x2f, 0x51...0x6f, 0x7f, 0x80...0x8f, 0xa3, 0xd6,
      0xef, 0xeb, 0xfe, 0xd4:
      return []
    case 0x40...0x4f, 0xaf, 0xb6...0xb8, 0xbc...0xbf: return operands.regSet
    case 0x90...0x9f: return operands.byteRM
    case 0xab, 0xb3, 0xba, 0xbb: return operands.rmSet
    case 0xc8...0xcf: return RegisterSet(operands.low)
    default: return .scratch
    }
  }
}
