// SPDX-License-Identifier: GPL-3.0-only
import CZydis

/// An access to memory that an instruction makes, explicitly or not, in terms of its operands.
struct OperandAccess {
  enum Segment {
    case flat
    case fs
    case gs
  }

  var memory: MemoryOperand
  var segment = Segment.flat
  /// In bytes.
  var size: Int
  var isRead: Bool
  var isWritten: Bool
}

/// What an instruction does with memory.
struct InstructionAccesses {
  enum Form {
    /// Each access is where its operand says, and as long.
    case plain
    /// A string instruction that is repeated.
    case repeated(Repetition)
    /// `bt` and its kind: a register's bit number leads away from the operand.
    case bitString(register: Int)
    /// One access for each element of a vector.
    case gathered(VectorIndex)
    /// `xlat`: al is the index.
    case table
    /// xsave and its kind: the processor says how much.
    case state
  }

  var operands: [OperandAccess] = []
  var form = Form.plain
}

/// When a repeated string instruction ends.
enum Repetition {
  case counted
  case whileEqual
  case whileDifferent
}

/// The vector register that holds the indices of a gather or scatter, and how much of it counts.
struct VectorIndex {
  enum Mask {
    case none
    /// A bit for each element.
    case opmask(Int)
    /// The sign bit of each element.
    case vector(Int)
  }

  var register: Int
  /// Of one index, in bytes.
  var size: Int
  var count: Int
  var mask = Mask.none
}

extension Decoder {
  /// The accesses of the instruction whose bytes these are. Prefetches and hints make none.
  mutating func accesses(of bytes: UnsafePointer<UInt8>, length: Int) -> InstructionAccesses {
    var result = InstructionAccesses()
    var instruction = ZydisDecodedInstruction()
    let capacity = Int(ZYDIS_MAX_OPERAND_COUNT)
    withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: capacity) { operands in
      guard decodeFull(bytes, length, &instruction, operands.baseAddress!),
        Decoder.accessesMemory(instruction)
      else { return }
      for index in 0..<Int(instruction.operand_count) {
        let operand = operands[index]
        guard operand.type == ZYDIS_OPERAND_TYPE_MEMORY,
          let access = OperandAccess(operand, in: instruction)
        else { continue }
        result.operands.append(access)
        if operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB {
          result.form = .gathered(VectorIndex(operand, operands, instruction))
        }
      }
      guard !result.operands.isEmpty else { return }
      switch instruction.meta.category {
      case ZYDIS_CATEGORY_STRINGOP, ZYDIS_CATEGORY_IOSTRINGOP:
        if let repetition = Repetition(instruction) { result.form = .repeated(repetition) }
      case ZYDIS_CATEGORY_BITBYTE where operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY:
        if operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER,
          let register = OperandDetails.number(operands[1].reg.value)
        {
          result.form = .bitString(register: register)
        }
      case ZYDIS_CATEGORY_XSAVE, ZYDIS_CATEGORY_XSAVEOPT: result.form = .state
      default: if instruction.mnemonic == ZYDIS_MNEMONIC_XLAT { result.form = .table }
      }
      // pop [rsp+x] counts from where rsp is afterwards.
      if instruction.mnemonic == ZYDIS_MNEMONIC_POP, result.operands.count == 2,
        result.operands[0].memory.base == Register.rsp
      {
        result.operands[0].memory.displacement += Int64(result.operands[0].size)
      }
      if instruction.mnemonic == ZYDIS_MNEMONIC_ENTER {
        // It copies pointers of outer frames, too.
        let size = 8 * (1 + Int(operands[1].imm.value.u & 31))
        result.operands[0].size = size
        result.operands[0].memory.displacement = -Int64(size)
      }
    }
    return result
  }

  private static func accessesMemory(_ instruction: ZydisDecodedInstruction) -> Bool {
    switch instruction.meta.category {
    case ZYDIS_CATEGORY_NOP, ZYDIS_CATEGORY_WIDENOP, ZYDIS_CATEGORY_PREFETCH,
      ZYDIS_CATEGORY_PREFETCHWT1, ZYDIS_CATEGORY_CLDEMOTE:
      return false
    default: break
    }
    switch instruction.mnemonic {
    case ZYDIS_MNEMONIC_CLFLUSH, ZYDIS_MNEMONIC_CLFLUSHOPT, ZYDIS_MNEMONIC_CLWB: return false
    default: return true
    }
  }
}

extension OperandAccess {
  /// nil when it is an address only.
  fileprivate init?(_ operand: ZydisDecodedOperand, in instruction: ZydisDecodedInstruction) {
    guard operand.mem.type == ZYDIS_MEMOP_TYPE_MEM || operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB else {
      return nil
    }
    let actions = UInt32(operand.actions)
    let reads = ZYDIS_OPERAND_ACTION_READ.rawValue | ZYDIS_OPERAND_ACTION_CONDREAD.rawValue
    let writes = ZYDIS_OPERAND_ACTION_WRITE.rawValue | ZYDIS_OPERAND_ACTION_CONDWRITE.rawValue
    memory = OperandDetails.memory(operand, instruction)
    size = Int(operand.size) / 8
    isRead = actions & reads != 0
    isWritten = actions & writes != 0
    if operand.mem.segment == ZYDIS_REGISTER_FS { segment = .fs }
    if operand.mem.segment == ZYDIS_REGISTER_GS { segment = .gs }
    // What is pushed lies below rsp as it was before.
    if operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN,
      operand.mem.base == ZYDIS_REGISTER_RSP, isWritten
    {
      memory.displacement = -Int64(size)
    }
  }
}

extension Repetition {
  fileprivate init?(_ instruction: ZydisDecodedInstruction) {
    if instruction.attributes & ZydisAttribute.rep != 0 {
      self = .counted
    } else if instruction.attributes & ZydisAttribute.repe != 0 {
      self = .whileEqual
    } else if instruction.attributes & ZydisAttribute.repne != 0 {
      self = .whileDifferent
    } else {
      return nil
    }
  }
}

extension VectorIndex {
  fileprivate init(
    _ memory: ZydisDecodedOperand, _ operands: UnsafeMutableBufferPointer<ZydisDecodedOperand>,
    _ instruction: ZydisDecodedInstruction
  ) {
    // The letter behind "gather" or "scatter" is the index's size.
    let name = String(cString: ZydisMnemonicGetString(instruction.mnemonic))
    let stem = name.contains("scatter") ? 7 : 6
    let start = name.firstIndex { $0 == "g" || $0 == "s" } ?? name.startIndex
    let letter = name[start...].dropFirst(stem).first
    register = Int(ZydisRegisterGetId(memory.mem.index))
    size = letter == "q" ? 8 : 4
    let mode = ZYDIS_MACHINE_MODE_LONG_64
    let vectors = operands[..<Int(instruction.operand_count)].filter {
      $0.type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetWidth(mode, $0.reg.value) >= 128
    }
    let data = vectors.first.map { Int(ZydisRegisterGetWidth(mode, $0.reg.value)) / 8 } ?? 64
    let indices = Int(ZydisRegisterGetWidth(mode, memory.mem.index)) / 8
    count = min(data / max(1, Int(memory.size) / 8), indices / size)
    let opmask = instruction.avx.mask.reg
    if opmask != ZYDIS_REGISTER_NONE, ZydisRegisterGetId(opmask) > 0 {
      mask = .opmask(Int(ZydisRegisterGetId(opmask)))
    } else if vectors.count > 1 {
      mask = .vector(Int(ZydisRegisterGetId(vectors[vectors.count - 1].reg.value)))
    }
  }
}
