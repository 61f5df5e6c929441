// SPDX-License-Identifier: GPL-3.0-only
import CCapstone
import Testing

@testable import XVCore

/// What Capstone says of one instruction, in our terms.
struct CapstoneInstruction {
  var length: Int
  var kind: Instruction.Kind
  /// Of a direct transfer or a rip-relative operand; 0 otherwise.
  var target: UInt64 = 0
  var condition: UInt8 = 0
  var immediate: UInt16 = 0
  /// Of the scratch registers.
  var reads: RegisterSet = []
  var writes: RegisterSet = []
  /// Scratch registers of which 32 or 64 bits are written.
  var overwrites: RegisterSet = []
  /// A register exclusive-or'ed with or subtracted from itself is read in name only.
  var isZeroing = false
  var mnemonic: String
}

/// Disassembles with Capstone.
final class CapstoneReader {
  private var handle = csh()
  private let scratch: UnsafeMutablePointer<cs_insn>

  init() throws {
    let status = cs_open(CS_ARCH_X86, CS_MODE_64, &handle)
    try #require(status == CS_ERR_OK)
    cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
    scratch = try #require(cs_malloc(handle))
  }

  deinit {
    cs_free(scratch, 1)
    cs_close(&handle)
  }

  func read(_ bytes: UnsafePointer<UInt8>, available: Int, address: UInt64) -> CapstoneInstruction?
  {
    var code: UnsafePointer<UInt8>? = bytes
    var size = available
    var place = address
    guard cs_disasm_iter(handle, &code, &size, &place, scratch) else { return nil }
    let mnemonic = withUnsafeBytes(of: scratch.pointee.mnemonic) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    var result = CapstoneInstruction(
      length: Int(scratch.pointee.size), kind: .plain, mnemonic: mnemonic)
    let x86 = scratch.pointee.detail.pointee.x86
    let operands = withUnsafeBytes(of: x86.operands) {
      Array($0.bindMemory(to: cs_x86_op.self).prefix(Int(x86.op_count)))
    }
    classify(operands, end: address + UInt64(result.length), &result)
    registers(operands, &result)
    return result
  }

  // MARK: Kinds

  private static let conditions: [x86_insn: UInt8] = [
    X86_INS_JO: 0, X86_INS_JNO: 1, X86_INS_JB: 2, X86_INS_JAE: 3, X86_INS_JE: 4, X86_INS_JNE: 5,
    X86_INS_JBE: 6, X86_INS_JA: 7, X86_INS_JS: 8, X86_INS_JNS: 9, X86_INS_JP: 10, X86_INS_JNP: 11,
    X86_INS_JL: 12, X86_INS_JGE: 13, X86_INS_JLE: 14, X86_INS_JG: 15,
  ]

  private func classify(
    _ operands: [cs_x86_op], end: UInt64, _ result: inout CapstoneInstruction
  ) {
    for operand in operands where operand.type == X86_OP_MEM {
      if operand.mem.base == X86_REG_RIP {
        result.kind = .ripRelative
        result.target = end &+ UInt64(bitPattern: operand.mem.disp)
      }
      if operand.mem.segment == X86_REG_GS { result.kind = .guestSegment }
    }
    let isDirect = operands.count == 1 && operands[0].type == X86_OP_IMM
    let number = x86_insn(scratch.pointee.id)
    if let condition = Self.conditions[number] {
      result.kind = .conditionalJump
      result.condition = condition
    }
    switch number {
    case X86_INS_JMP: result.kind = isDirect ? .jump : .indirectJump
    case X86_INS_CALL: result.kind = isDirect ? .call : .indirectCall
    case X86_INS_JCXZ, X86_INS_JECXZ, X86_INS_JRCXZ, X86_INS_LOOP, X86_INS_LOOPE, X86_INS_LOOPNE:
      result.kind = .shortLoop
    case X86_INS_RET:
      result.kind = .ret
      if isDirect { result.immediate = UInt16(truncatingIfNeeded: operands[0].imm) }
    case X86_INS_RETF, X86_INS_RETFQ, X86_INS_IRET, X86_INS_IRETD, X86_INS_IRETQ, X86_INS_LJMP,
      X86_INS_LCALL, X86_INS_LGS:
      result.kind = .rare
    case X86_INS_POP where operands.first?.reg == X86_REG_GS: result.kind = .rare
    case X86_INS_SYSCALL: result.kind = .systemCall
    case X86_INS_XBEGIN: result.kind = .transactionBegin
    case X86_INS_RDGSBASE, X86_INS_WRGSBASE: result.kind = .guestSegmentBase
    case X86_INS_MOV where operands.first?.type == X86_OP_REG && operands[0].reg == X86_REG_GS:
      result.kind = .guestSegmentBase
    case X86_INS_XOR, X86_INS_SUB:
      result.isZeroing =
        operands.count == 2 && operands[0].type == X86_OP_REG && operands[1].type == X86_OP_REG
        && operands[0].reg == operands[1].reg
    default: break
    }
    switch result.kind {
    case .jump, .conditionalJump, .shortLoop, .call, .transactionBegin:
      if isDirect { result.target = UInt64(bitPattern: operands[0].imm) }
    default: break
    }
  }

  // MARK: Registers

  private func registers(_ operands: [cs_x86_op], _ result: inout CapstoneInstruction) {
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 128) { buffer in
      guard let read = buffer.baseAddress else { return }
      let written = read + 64
      var readCount: UInt8 = 0
      var writtenCount: UInt8 = 0
      guard cs_regs_access(handle, scratch, read, &readCount, written, &writtenCount) == CS_ERR_OK
      else { return }
      for index in 0..<Int(readCount) {
        if let scratch = Self.scratch(read[index]) { result.reads.insert(scratch.register) }
      }
      for index in 0..<Int(writtenCount) {
        guard let scratch = Self.scratch(written[index]) else { continue }
        result.writes.insert(scratch.register)
        if scratch.isWhole { result.overwrites.insert(scratch.register) }
      }
    }
  }

  private static func scratch(_ number: UInt16) -> (register: RegisterSet, isWhole: Bool)? {
    switch x86_reg(UInt32(number)) {
    case X86_REG_RCX, X86_REG_ECX: (.rcx, true)
    case X86_REG_CX, X86_REG_CL, X86_REG_CH: (.rcx, false)
    case X86_REG_RDX, X86_REG_EDX: (.rdx, true)
    case X86_REG_DX, X86_REG_DL, X86_REG_DH: (.rdx, false)
    default: nil
    }
  }
}
