// SPDX-License-Identifier: GPL-3.0-only

/// Where the bytes go that align the field of a jump (`Emitter.alignField`).
///
/// A processor makes one operation of a comparison and the conditional jump behind it, unless something stands
/// between them (Intel optimization manual, "Macro-fusion"; AMD's, "Branch fusion"). So the padding stands before the
/// comparison, and where that may have a prefix without a meaning, it is such prefixes and takes no place of its own.
extension Translator {
  /// Pads before an instruction that is copied, when a jump follows it at once.
  @inline(__always)
  func padForJump(behind index: Int, _ bytes: UnsafePointer<UInt8>, _ emission: inout UnitEmission) {
    guard emission.mode == .normal, let opcodeLength = lengthOfJumpOpcode(behind: index) else { return }
    let length = Int(scan[index].length)
    let padding = emission.hot.padding(distance: length + opcodeLength)
    guard padding > 0 else { return }
    if scan[index].kind == .plain, let prefix = Translator.emptyPrefix(bytes, length: length) {
      emission.hot.bytes(UInt64(prefix) &* 0x01_01_01, count: padding)
    } else {
      emission.hot.nop(padding)
    }
  }

  /// nil when something else than a jump that will be patched is emitted behind an instruction.
  @inline(__always)
  private func lengthOfJumpOpcode(behind index: Int) -> Int? {
    if index + 1 == scanCount { return scanContinues ? 1 : nil }
    let mark = marks[index + 1]
    return scan[index + 1].kind == .conditionalJump && !mark.startsBlock && !mark.isChecked && checks == .none ? 2 : nil
  }

  /// The segment prefix that says what holds anyway; nil for instructions that are not known to take it.
  static func emptyPrefix(_ bytes: UnsafePointer<UInt8>, length: Int) -> UInt8? {
    let hasREX = bytes[0] & 0xf0 == 0x40
    let opcode = hasREX ? 1 : 0
    guard opcode + 1 < length else { return nil }
    switch bytes[opcode] {
    case let opcode where opcode < 0x40 && opcode & 7 >= 4 && opcode & 7 < 6: return ds  // add ... cmp rax, immediate
    case 0xa8, 0xa9, 0xb8...0xbf: return ds  // test rax, immediate; mov register, immediate
    case let opcode where opcode < 0x40 && opcode & 7 < 4: break  // add ... cmp
    case 0x80, 0x81, 0x83...0x85, 0x88...0x8b, 0x8d: break  // the same with an immediate; test, mov, lea
    case 0xc0, 0xc1, 0xd0...0xd3, 0xf6, 0xf7, 0xfe: break  // shifts; test, neg, mul; inc, dec
    default: return nil
    }
    return defaultSegment(bytes + opcode + 1, isExtended: hasREX && bytes[0] & 1 != 0)
  }

  private static let ds: UInt8 = 0x3e
  private static let ss: UInt8 = 0x36

  /// That of the stack for bases rsp and rbp (Intel manual volume 1, 3.7.4). `isExtended`: REX.B.
  private static func defaultSegment(_ modrm: UnsafePointer<UInt8>, isExtended: Bool) -> UInt8 {
    let mode = modrm[0] >> 6
    let base = modrm[0] & 7 == 4 && mode != 3 ? modrm[1] & 7 : modrm[0] & 7
    guard mode != 3, !isExtended, base == 4 || base == 5, mode != 0 || base != 5 else { return ds }
    return ss
  }
}
