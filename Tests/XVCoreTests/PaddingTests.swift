// SPDX-License-Identifier: GPL-3.0-only
import CZydis
import Testing

@testable import XVCore

/// Prefixes that stand in a fragment for the padding of a jump.
@Suite(.timeLimit(.minutes(1))) struct PaddingTests {
  /// A prefix names the segment that the operand has anyway, and the instruction stays what it is.
  @Test(arguments: ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/gdb"])
  func prefixesChangeNothing(_ path: String) throws {
    let text = try TextSection(of: path)
    var decoder = Decoder()
    var wrong: [String] = []
    var prefixed: [UInt8: Int] = [:]
    try text.forEachInstruction(&decoder) { decoder, at, instruction in
      let length = Int(instruction.length)
      guard instruction.kind == .plain, let prefix = Translator.emptyPrefix(at, length: length) else { return }
      prefixed[prefix, default: 0] += 1
      let code = [prefix, prefix, prefix] + Array(UnsafeBufferPointer(start: at, count: length))
      let own = Array(code[3...])
      let isSame =
        code.count <= 15 && decoder.hasSameMeaning(code, as: own)
        && decoder.segments(own).isSubset(of: [prefix == 0x36 ? ZYDIS_REGISTER_SS : ZYDIS_REGISTER_DS].map(\.rawValue))
      if !isSame { wrong.append(String(instruction.address, radix: 16)) }
    }
    #expect(wrong.isEmpty, "\(wrong.count) are others, first \(wrong.prefix(20))")
    // Both are met, and by far most that could be.
    #expect(prefixed[0x3e, default: 0] > 100_000)
    #expect(prefixed[0x36, default: 0] > 1_000)
    #expect(prefixed.count == 2)
  }
}

extension Decoder {
  /// Both say the same of mnemonic, operands and segments, and neither is a branch.
  fileprivate mutating func hasSameMeaning(_ one: [UInt8], as other: [UInt8]) -> Bool {
    guard let first = meaning(one), let second = meaning(other) else { return false }
    return first == second
  }

  /// Those of the operands in memory.
  fileprivate mutating func segments(_ code: [UInt8]) -> Set<UInt32> {
    var instruction = ZydisDecodedInstruction()
    return withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: Int(ZYDIS_MAX_OPERAND_COUNT)) {
      operands in
      guard decodeFull(code, code.count, &instruction, operands.baseAddress!) else { return [] }
      return Set(
        (0..<Int(instruction.operand_count)).lazy.map { operands[$0] }
          .filter { $0.type == ZYDIS_OPERAND_TYPE_MEMORY && $0.mem.type == ZYDIS_MEMOP_TYPE_MEM }
          .map(\.mem.segment.rawValue))
    }
  }

  private mutating func meaning(_ code: [UInt8]) -> [String]? {
    var instruction = ZydisDecodedInstruction()
    return withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: Int(ZYDIS_MAX_OPERAND_COUNT)) {
      operands in
      guard decodeFull(code, code.count, &instruction, operands.baseAddress!),
        instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE
      else { return nil }
      return ["\(instruction.mnemonic.rawValue)"]
        + (0..<Int(instruction.operand_count)).map { number in
          let operand = operands[number]
          switch operand.type {
          case ZYDIS_OPERAND_TYPE_REGISTER: return "\(operand.reg.value.rawValue)"
          case ZYDIS_OPERAND_TYPE_IMMEDIATE: return "\(operand.imm.value.u)"
          case ZYDIS_OPERAND_TYPE_MEMORY:
            let memory = operand.mem
            return
              "\(memory.type == ZYDIS_MEMOP_TYPE_AGEN ? 0 : memory.segment.rawValue) \(memory.base.rawValue) \(memory.index.rawValue) \(memory.scale) \(memory.disp.value)"
          default: return "?"
          }
        }
    }
  }
}
