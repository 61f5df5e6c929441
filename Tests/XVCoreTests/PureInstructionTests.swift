// SPDX-License-Identifier: GPL-3.0-only
import CZydis
import Testing

@testable import XVCore

/// Instructions that only compute, which may stand in the fragments of callers.
@Suite(.timeLimit(.minutes(1))) struct PureInstructionTests {
  /// None of them writes memory or rsp, transfers control, or reads what only the kernel gives.
  @Test(arguments: ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/gdb"])
  func whatOnlyComputesDoesNoMore(_ path: String) throws {
    let text = try TextSection(of: path)
    var decoder = Decoder()
    var wrong: [String] = []
    var pure = 0
    var all = 0
    try text.forEachInstruction(&decoder) { decoder, at, instruction in
      all += 1
      guard let raw = decoder.fast.decode(at, available: Int(instruction.length)), raw.onlyComputes else { return }
      pure += 1
      if !decoder.onlyComputes(at, Int(instruction.length)) { wrong.append(String(instruction.address, radix: 16)) }
    }
    #expect(wrong.isEmpty, "\(wrong.count) do more, first \(wrong.prefix(20))")
    // Moves between registers, loads, arithmetic: more than a third of all code.
    #expect(pure > all / 3, "\(pure) of \(all)")
  }

  /// What may not be among them, whatever the tables say.
  @Test(arguments: [
    [0x54], [0x5c], [0xc9], [0x48, 0x89, 0xc4], [0x48, 0x8b, 0x24, 0x24], [0x48, 0x83, 0xc4, 0x08],  // rsp
    [0x48, 0x8d, 0x64, 0x24, 0x08], [0x66, 0xbc, 0x01, 0x00], [0x0f, 0xcc], [0x94],
    [0x89, 0x07], [0x48, 0x01, 0x07], [0xff, 0x07], [0xf7, 0x17], [0xc1, 0x27, 0x02], [0x0f, 0x94, 0x07],  // memory
    [0x0f, 0x11, 0x07], [0x0f, 0x7f, 0x07], [0xaa], [0xa4], [0x0f, 0xf7, 0xc8], [0x50], [0x0f, 0xab, 0x07],
    [0x0f, 0x05], [0x0f, 0xa2], [0x0f, 0x31], [0xcc], [0xf4], [0x9d], [0x0f, 0x0b], [0xc3], [0xeb, 0x00], [0xff, 0xe0],
    [0x65, 0x8b, 0x07], [0xd9, 0xc0], [0xc5, 0xf8, 0x77], [0x8e, 0xc0], [0xe3, 0x00],
  ] as [[UInt8]])
  func whatDoesMoreIsNotAmongThem(_ code: [UInt8]) {
    var bytes = code + Array(repeating: 0x90, count: 15)
    let decoder = Decoder()
    #expect(decoder.fast.decode(&bytes, available: 15)?.onlyComputes != true)
  }
}

extension Decoder {
  fileprivate mutating func onlyComputes(_ code: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    var instruction = ZydisDecodedInstruction()
    return withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: Int(ZYDIS_MAX_OPERAND_COUNT)) {
      operands in
      guard decodeFull(code, length, &instruction, operands.baseAddress!),
        instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE,
        ![
          ZYDIS_CATEGORY_SYSTEM, ZYDIS_CATEGORY_SYSCALL, ZYDIS_CATEGORY_INTERRUPT, ZYDIS_CATEGORY_IO,
          ZYDIS_CATEGORY_STRINGOP, ZYDIS_CATEGORY_PUSH, ZYDIS_CATEGORY_POP, ZYDIS_CATEGORY_X87_ALU,
        ].contains(instruction.meta.category)
      else { return false }
      let writes = UInt8(ZYDIS_OPERAND_ACTION_MASK_WRITE.rawValue)
      return (0..<Int(instruction.operand_count)).allSatisfy { index in
        let operand = operands[index]
        guard UInt8(operand.actions) & writes != 0 else { return true }
        switch operand.type {
        case ZYDIS_OPERAND_TYPE_REGISTER:
          return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value) != ZYDIS_REGISTER_RSP
        case ZYDIS_OPERAND_TYPE_MEMORY: return operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN
        default: return true
        }
      }
    }
  }
}
