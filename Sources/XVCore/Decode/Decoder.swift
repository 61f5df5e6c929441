// SPDX-License-Identifier: GPL-3.0-only
import CZydis

/// Decodes original instructions into `Instruction`: the common encodings by `FastDecoder`, the rest
/// by Zydis.
struct Decoder: ~Copyable {
  let fast = FastDecoder()
  private var decoder = ZydisDecoder()
  /// Zydis writes 328 bytes at each call: one scratch value serves all of them.
  private let scratch = UnsafeMutablePointer<ZydisDecodedInstruction>.allocate(capacity: 1)

  init() {
    let status = ZydisDecoderInit(
      &decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
    precondition(status & 0x8000_0000 == 0, "ZydisDecoderInit failed: \(status)")
  }

  deinit {
    scratch.deallocate()
    fast.deallocate()
  }

  /// Decodes the instruction whose bytes begin at `bytes`; nil when they are no instruction.
  @inline(__always)
  mutating func decode(
    _ bytes: UnsafePointer<UInt8>, available: Int, address: UInt64
  ) -> Instruction? {
    if let raw = fast.decode(bytes, available: available) {
      return Decoder.classify(raw, address)
    }
    return decodeWithZydis(bytes, available: available, address: address)
  }

  @inline(never)
  mutating func decodeWithZydis(
    _ bytes: UnsafePointer<UInt8>, available: Int, address: UInt64
  ) -> Instruction? {
    let status = ZydisDecoderDecodeInstruction(
      &decoder, nil, bytes, ZyanUSize(available), scratch)
    guard status & 0x8000_0000 == 0 else { return nil }
    return Decoder.classify(Decoder.raw(scratch), address)
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

  private static func raw(_ zydis: UnsafePointer<ZydisDecodedInstruction>) -> RawInstruction {
    var raw = RawInstruction()
    let attributes = zydis.pointee.attributes
    let isLegacy = zydis.pointee.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY
    switch zydis.pointee.opcode_map {
    case ZYDIS_OPCODE_MAP_DEFAULT where isLegacy: raw.map = .primary
    case ZYDIS_OPCODE_MAP_0F where isLegacy: raw.map = .secondary
    default: raw.map = .other
    }
    raw.opcode = zydis.pointee.opcode
    raw.length = zydis.pointee.length
    if isLegacy, attributes & ZydisAttribute.hasREX != 0 {
      let rex = zydis.pointee.raw.rex
      raw.rex = 0x40 | rex.W << 3 | rex.R << 2 | rex.X << 1 | rex.B
    }
    raw.hasModRM = attributes & ZydisAttribute.hasModRM != 0
    let modrm = zydis.pointee.raw.modrm
    raw.modrm = modrm.mod << 6 | modrm.reg << 3 | modrm.rm
    raw.modrmOffset = modrm.offset
    let sib = zydis.pointee.raw.sib
    raw.sib = sib.index << 3 | sib.base
    raw.hasOperand16 = attributes & ZydisAttribute.operandSize != 0
    raw.hasAddress32 = zydis.pointee.address_width == 32
    raw.hasFS = attributes & ZydisAttribute.segmentFS != 0
    raw.hasGS = attributes & ZydisAttribute.segmentGS != 0
    raw.displacementOffset = zydis.pointee.raw.disp.offset
    raw.displacement = zydis.pointee.raw.disp.value
    raw.immediate = zydis.pointee.raw.imm.0.value.s
    raw.isTransactionBegin = zydis.pointee.mnemonic == ZYDIS_MNEMONIC_XBEGIN
    raw.isSegmentBaseAccess =
      zydis.pointee.mnemonic == ZYDIS_MNEMONIC_RDGSBASE
      || zydis.pointee.mnemonic == ZYDIS_MNEMONIC_WRGSBASE
    return raw
  }

  // MARK: Classification

  @inline(__always)
  private static func classify(_ raw: RawInstruction, _ address: UInt64) -> Instruction {
    var instruction = Instruction(
      address: address, target: 0, length: raw.length, kind: .plain, displacementOffset: 0,
      condition: 0, immediate: 0, prefix: [], modrmOffset: raw.modrmOffset, uses: [], defines: [],
      writes: [])
    if raw.hasModRM, raw.mod == 0, raw.rm == 5 {
      instruction.kind = .ripRelative
      instruction.displacementOffset = raw.displacementOffset
      instruction.target = instruction.end &+ UInt64(bitPattern: raw.displacement)
    }
    if raw.hasGS { instruction.kind = .guestSegment }
    switch raw.map {
    case .primary: classifyPrimary(raw, &instruction)
    case .secondary: classifySecondary(raw, &instruction)
    case .other: break
    }
    if instruction.kind == .indirectJump || instruction.kind == .indirectCall {
      instruction.prefix = operandPrefix(raw)
    }
    if usesRedZone(raw) { instruction.prefix.insert(.redZone) }
    ScratchLiveness.annotate(&instruction, raw)
    return instruction
  }

  /// The 128 bytes below rsp belong to the program (System V ABI, AMD64, section 3.2.2); what lies further
  /// down, as where Java's methods touch the guard pages ahead, no signal spares either.
  @inline(__always)
  private static func usesRedZone(_ raw: RawInstruction) -> Bool {
    raw.displacement < 0 && raw.displacement >= -128 && raw.hasModRM && raw.rm == 4 && raw.mod != 3
      && raw.sib & 7 == 4 && raw.extendB == 0
  }

  @inline(__always)
  private static func classifyPrimary(_ raw: RawInstruction, _ instruction: inout Instruction) {
    switch raw.opcode {
    case 0x70...0x7f:
      setRelative(raw, &instruction, .conditionalJump)
      instruction.condition = raw.opcode & 15
    case 0xeb, 0xe9: setRelative(raw, &instruction, .jump)
    case 0xe8: setRelative(raw, &instruction, .call)
    case 0xe0...0xe3: setRelative(raw, &instruction, .shortLoop)
    case 0xc3: instruction.kind = .ret
    case 0xc2:
      instruction.kind = .ret
      instruction.immediate = UInt16(truncatingIfNeeded: raw.immediate)
    case 0xff:
      switch raw.reg {
      case 2: instruction.kind = .indirectCall
      case 4: instruction.kind = .indirectJump
      case 3, 5: instruction.kind = .rare
      default: break
      }
    case 0xca, 0xcb, 0xcf: instruction.kind = .rare
    case 0x8e:
      // mov Sreg, r/m: 5 is gs. The other selectors are the guest's own; reading gs's (8c) is harmless.
      if raw.reg == 5 { instruction.kind = .guestSegmentBase }
    case 0xc7:
      if raw.isTransactionBegin { setRelative(raw, &instruction, .transactionBegin) }
    default: break
    }
  }

  @inline(__always)
  private static func classifySecondary(_ raw: RawInstruction, _ instruction: inout Instruction) {
    switch raw.opcode {
    case 0x80...0x8f:
      setRelative(raw, &instruction, .conditionalJump)
      instruction.condition = raw.opcode & 15
    case 0x05: instruction.kind = .systemCall
    case 0xa9: instruction.kind = .rare  // pop gs
    case 0xb5: instruction.kind = .rare  // lgs
    case 0xae:
      // f3 0f ae /1 and /3 with a register are rdgsbase and wrgsbase.
      if raw.isSegmentBaseAccess || (raw.mod == 3 && (raw.reg == 1 || raw.reg == 3)) {
        instruction.kind = .guestSegmentBase
      }
    default: break
    }
  }

  @inline(__always)
  private static func setRelative(
    _ raw: RawInstruction, _ instruction: inout Instruction, _ kind: Instruction.Kind
  ) {
    instruction.kind = kind
    instruction.target = instruction.end &+ UInt64(bitPattern: raw.immediate)
  }

  private static func operandPrefix(_ raw: RawInstruction) -> OperandPrefix {
    var prefix: OperandPrefix = []
    if raw.hasFS { prefix.insert(.fs) }
    if raw.hasGS { prefix.insert(.gs) }
    if raw.hasAddress32 { prefix.insert(.address32) }
    if raw.hasOperand16 { prefix.insert(.operand16) }
    if raw.extendB != 0 { prefix.insert(.rexB) }
    if raw.extendX != 0 { prefix.insert(.rexX) }
    if raw.mod == 0, raw.rm == 5 { prefix.insert(.ripRelative) }
    return prefix
  }
}

/// Zydis's attribute bits: macros with casts, which Swift does not import (Zydis/SharedTypes.h).
enum ZydisAttribute {
  static let hasModRM: UInt64 = 1 << 0
  static let hasREX: UInt64 = 1 << 2
  static let rep: UInt64 = 1 << 28
  static let repe: UInt64 = 1 << 29
  static let repne: UInt64 = 1 << 30
  static let segmentFS: UInt64 = 1 << 41
  static let segmentGS: UInt64 = 1 << 42
  static let operandSize: UInt64 = 1 << 43
}
