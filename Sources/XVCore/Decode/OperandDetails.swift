// SPDX-License-Identifier: GPL-3.0-only
import CZydis

/// A memory operand taken apart; registers by the processor's number.
struct MemoryOperand {
  var base: Int?
  var index: Int?
  /// log2 of the scale.
  var scaleBits: UInt8
  var displacement: Int64
  var isRipRelative: Bool
  var is32Bit: Bool
}

/// What only a full decode tells: which registers an instruction touches, explicitly or not.
/// For the rare instructions that need a register of their own.
struct OperandDetails {
  var used: RegisterSet = []
  /// The operand in the %gs segment.
  var segmentOperand: MemoryOperand?
  /// Any memory operand encoded by ModRM.
  var memoryOperand: MemoryOperand?
  var hasModRMMemory = false
  /// Writes memory other than by pushing.
  var writesMemory = false

  /// A register that the instruction does not touch and that needs no extension bits as a base.
  func scratch(besides other: Int?) -> Int? {
    [Register.rax, Register.rcx, Register.rdx, Register.rbx, Register.rsi, Register.rdi].first {
      !used.contains(RegisterSet($0)) && $0 != other
    }
  }
}

extension Decoder {
  mutating func details(of bytes: UnsafePointer<UInt8>, length: Int) -> OperandDetails {
    var result = OperandDetails()
    var instruction = ZydisDecodedInstruction()
    let capacity = Int(ZYDIS_MAX_OPERAND_COUNT)
    withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: capacity) { operands in
      let status = decodeFull(bytes, length, &instruction, operands.baseAddress!)
      guard status else {
        result.used = .all
        return
      }
      result.hasModRMMemory =
        instruction.attributes & 1 != 0 && instruction.raw.modrm.mod != 3
      for index in 0..<Int(instruction.operand_count) {
        let operand = operands[index]
        switch operand.type {
        case ZYDIS_OPERAND_TYPE_REGISTER: result.add(operand.reg.value)
        case ZYDIS_OPERAND_TYPE_MEMORY:
          result.add(operand.mem.base)
          result.add(operand.mem.index)
          let memory = OperandDetails.memory(operand, instruction)
          if operand.mem.segment == ZYDIS_REGISTER_GS { result.segmentOperand = memory }
          if result.memoryOperand == nil { result.memoryOperand = memory }
          let isPush =
            operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN
            && operand.mem.base == ZYDIS_REGISTER_RSP
          let writes = UInt8(ZYDIS_OPERAND_ACTION_WRITE.rawValue | ZYDIS_OPERAND_ACTION_CONDWRITE.rawValue)
          if operand.actions & writes != 0, !isPush { result.writesMemory = true }
        default: break
        }
      }
    }
    return result
  }
}

extension OperandDetails {
  fileprivate mutating func add(_ register: ZydisRegister) {
    if let number = OperandDetails.number(register) { used.insert(RegisterSet(number)) }
  }

  /// The number of the 64-bit register around a general register, nil for other registers.
  static func number(_ register: ZydisRegister) -> Int? {
    let whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, register)
    guard whole.rawValue >= ZYDIS_REGISTER_RAX.rawValue,
      whole.rawValue <= ZYDIS_REGISTER_R15.rawValue
    else { return nil }
    return Int(whole.rawValue - ZYDIS_REGISTER_RAX.rawValue)
  }

  static func memory(
    _ operand: ZydisDecodedOperand, _ instruction: ZydisDecodedInstruction
  ) -> MemoryOperand {
    let scale = operand.mem.scale
    return MemoryOperand(
      base: number(operand.mem.base), index: number(operand.mem.index),
      scaleBits: scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0,
      displacement: operand.mem.disp.value,
      isRipRelative: operand.mem.base == ZYDIS_REGISTER_RIP,
      is32Bit: instruction.address_width == 32)
  }
}
