// SPDX-License-Identifier: GPL-3.0-only
import CZydis

/// Decodes original instructions with Zydis into `Instruction`.
///
/// Only the instruction itself is decoded, without operands, which halves the time; what the
/// rewriter needs of operands stands in the raw fields.
struct Decoder: ~Copyable {
  private var decoder = ZydisDecoder()
  /// Zydis writes 328 bytes at each call: one scratch value serves all of them.
  private let scratch = UnsafeMutablePointer<ZydisDecodedInstruction>.allocate(capacity: 1)

  init() {
    let status = ZydisDecoderInit(
      &decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
    precondition(status & 0x8000_0000 == 0, "ZydisDecoderInit failed: \(status)")
  }

  deinit { scratch.deallocate() }

  /// Decodes the instruction whose bytes begin at `bytes`; nil when they are no instruction.
  mutating func decode(
    _ bytes: UnsafePointer<UInt8>, available: Int, address: UInt64
  ) -> Instruction? {
    let status = ZydisDecoderDecodeInstruction(
      &decoder, nil, bytes, ZyanUSize(available), scratch)
    guard status & 0x8000_0000 == 0 else { return nil }
    return Decoder.classify(scratch, bytes, address)
  }

  /// Decodes with all operands; several times dearer.
  mutating func decodeFull(
    _ bytes: UnsafePointer<UInt8>, _ length: Int, _ instruction: inout ZydisDecodedInstruction,
    _ operands: UnsafeMutablePointer<ZydisDecodedOperand>
  ) -> Bool {
    let status = ZydisDecoderDecodeFull(
      &decoder, bytes, ZyanUSize(length), &instruction, operands)
    return status & 0x8000_0000 == 0
  }

  private static func classify(
    _ raw: UnsafePointer<ZydisDecodedInstruction>, _ bytes: UnsafePointer<UInt8>, _ address: UInt64
  ) -> Instruction {
    let length = raw.pointee.length
    var instruction = Instruction(
      address: address, target: 0, length: length, kind: .plain, displacementOffset: 0,
      condition: 0, immediate: 0, prefix: [], modrmOffset: raw.pointee.raw.modrm.offset,
      uses: [], defines: [])
    let attributes = raw.pointee.attributes
    let hasModRM = attributes & (1 << 0) != 0
    if hasModRM, raw.pointee.raw.modrm.mod == 0, raw.pointee.raw.modrm.rm == 5 {
      instruction.kind = .ripRelative
      instruction.displacementOffset = raw.pointee.raw.disp.offset
      instruction.target = instruction.end &+ UInt64(bitPattern: raw.pointee.raw.disp.value)
    }
    if attributes & ZydisAttribute.segmentGS != 0 { instruction.kind = .guestSegment }
    switch raw.pointee.opcode_map {
    case ZYDIS_OPCODE_MAP_DEFAULT: classifyDefault(raw, &instruction)
    case ZYDIS_OPCODE_MAP_0F: classify0F(raw, &instruction)
    default: break
    }
    if instruction.kind == .indirectJump || instruction.kind == .indirectCall {
      instruction.prefix = operandPrefix(raw)
    }
    if hasModRM, raw.pointee.raw.modrm.rm == 4, raw.pointee.raw.modrm.mod != 3,
      raw.pointee.raw.sib.base == 4, raw.pointee.raw.disp.value < 0
    {
      instruction.prefix.insert(.redZone)
    }
    ScratchLiveness.annotate(&instruction, raw, bytes)
    return instruction
  }

  private static func classifyDefault(
    _ raw: UnsafePointer<ZydisDecodedInstruction>, _ instruction: inout Instruction
  ) {
    guard raw.pointee.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY else { return }
    let opcode = raw.pointee.opcode
    switch opcode {
    case 0x70...0x7f:
      setRelative(raw, &instruction, .conditionalJump)
      instruction.condition = opcode & 15
    case 0xeb, 0xe9: setRelative(raw, &instruction, .jump)
    case 0xe8: setRelative(raw, &instruction, .call)
    case 0xe0...0xe3: setRelative(raw, &instruction, .shortLoop)
    case 0xc3: instruction.kind = .ret
    case 0xc2:
      instruction.kind = .ret
      instruction.immediate = UInt16(truncatingIfNeeded: raw.pointee.raw.imm.0.value.u)
    case 0xff:
      switch raw.pointee.raw.modrm.reg {
      case 2: instruction.kind = .indirectCall
      case 4: instruction.kind = .indirectJump
      case 3, 5: instruction.kind = .rare
      default: break
      }
    case 0xca, 0xcb, 0xcf: instruction.kind = .rare
    case 0x8e:
      // mov Sreg, r/m: 5 is gs. The other selectors are the guest's own; reading gs's (8c) is harmless.
      if raw.pointee.raw.modrm.reg == 5 { instruction.kind = .guestSegmentBase }
    case 0xc7:
      if raw.pointee.mnemonic == ZYDIS_MNEMONIC_XBEGIN {
        setRelative(raw, &instruction, .transactionBegin)
      }
    default: break
    }
  }

  private static func classify0F(
    _ raw: UnsafePointer<ZydisDecodedInstruction>, _ instruction: inout Instruction
  ) {
    guard raw.pointee.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY else { return }
    let opcode = raw.pointee.opcode
    switch opcode {
    case 0x80...0x8f:
      setRelative(raw, &instruction, .conditionalJump)
      instruction.condition = opcode & 15
    case 0x05: instruction.kind = .systemCall
    case 0xa9: instruction.kind = .rare  // pop gs
    case 0xb5: instruction.kind = .rare  // lgs
    case 0xae:
      switch raw.pointee.mnemonic {
      case ZYDIS_MNEMONIC_RDGSBASE, ZYDIS_MNEMONIC_WRGSBASE:
        instruction.kind = .guestSegmentBase
      default: break
      }
    default: break
    }
  }

  private static func setRelative(
    _ raw: UnsafePointer<ZydisDecodedInstruction>, _ instruction: inout Instruction,
    _ kind: Instruction.Kind
  ) {
    instruction.kind = kind
    instruction.target = instruction.end &+ UInt64(bitPattern: raw.pointee.raw.imm.0.value.s)
  }

  private static func operandPrefix(
    _ raw: UnsafePointer<ZydisDecodedInstruction>
  ) -> OperandPrefix {
    var prefix: OperandPrefix = []
    let attributes = raw.pointee.attributes
    if attributes & ZydisAttribute.segmentFS != 0 { prefix.insert(.fs) }
    if attributes & ZydisAttribute.segmentGS != 0 { prefix.insert(.gs) }
    if raw.pointee.address_width == 32 { prefix.insert(.address32) }
    if attributes & ZydisAttribute.operandSize != 0 { prefix.insert(.operand16) }
    if raw.pointee.raw.rex.B != 0 { prefix.insert(.rexB) }
    if raw.pointee.raw.rex.X != 0 { prefix.insert(.rexX) }
    if raw.pointee.raw.modrm.mod == 0, raw.pointee.raw.modrm.rm == 5 {
      prefix.insert(.ripRelative)
    }
    return prefix
  }
}

/// Zydis's attribute bits: macros with casts, which Swift does not import (Zydis/SharedTypes.h).
enum ZydisAttribute {
  static let segmentFS: UInt64 = 1 << 41
  static let segmentGS: UInt64 = 1 << 42
  static let operandSize: UInt64 = 1 << 43
}
