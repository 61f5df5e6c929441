// SPDX-License-Identifier: GPL-3.0-only

extension Decoder {
  /// Whether an instruction writes memory other than by pushing.
  ///
  /// The scan of code that may change asks at every instruction. Most are loads or touch registers
  /// only, and need no full decode for the answer, which takes longer than the rest of their
  /// translation.
  mutating func writesMemory(_ bytes: UnsafePointer<UInt8>, length: Int) -> Bool {
    if let raw = fast.decode(bytes, available: length), !raw.mayWriteMemory { return false }
    return details(of: bytes, length: length).writesMemory
  }
}

extension RawInstruction {
  /// False for what certainly writes no memory other than by pushing, among what `FastDecoder` knows.
  var mayWriteMemory: Bool {
    switch map {
    case .primary: primaryMayWrite
    // With registers: maskmovq and maskmovdqu, which write where rdi points.
    case .secondary:
      hasModRM && (mod == 3 ? opcode == 0xf7 : !RawInstruction.secondaryReads(opcode))
    case .other: true
    }
  }

  private var primaryMayWrite: Bool {
    guard hasModRM else {
      // movs and stos.
      return [0xa4, 0xa5, 0xaa, 0xab].contains(opcode)
    }
    guard mod != 3 else { return false }
    switch opcode {
    // cmp, and the arithmetic whose register is the destination.
    case 0x38, 0x39: return false
    case 0x00...0x3f: return opcode & 2 == 0
    case 0x80, 0x81, 0x83: return reg != 7
    // movsxd, imul, test, mov, lea, mov to a selector.
    case 0x63, 0x69, 0x6b, 0x84, 0x85, 0x8a, 0x8b, 0x8d, 0x8e: return false
    // All of the group but not and neg.
    case 0xf6, 0xf7: return reg == 2 || reg == 3
    default: return true
    }
  }

  /// Opcodes behind 0F whose memory operand is read, whatever the prefixes.
  private static func secondaryReads(_ opcode: UInt8) -> Bool {
    switch opcode {
    case 0x10, 0x12, 0x14...0x16, 0x1f, 0x28, 0x2a, 0x2c...0x2f, 0x40...0x4f, 0x51...0x70: true
    case 0x74...0x76, 0x7c, 0x7d, 0xa3, 0xaf, 0xb6...0xb8, 0xbc...0xbf, 0xc2, 0xc4, 0xc6: true
    case 0xd0...0xd5, 0xd8...0xe6, 0xe8...0xf6, 0xf8...0xfe: true
    default: false
    }
  }
}
