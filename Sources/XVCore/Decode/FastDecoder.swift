// SPDX-License-Identifier: GPL-3.0-only

/// Takes the common encodings apart: legacy prefixes, REX, one-byte and 0F opcodes.
///
/// Zydis needs 130-155 ns an instruction where this needs about 10, and nothing else costs as much in
/// a translation. Whatever is not certain here (VEX, EVEX, three-byte opcodes, far transfers,
/// opcodes that are invalid in 64-bit mode) is left to Zydis. An invalid instruction that gets
/// through is harmless: it is copied and the processor refuses the copy as it would the original.
/// Tables: Intel SDM volume 2, appendix A; checked against Zydis and Capstone over whole libraries.
struct FastDecoder {
  /// What follows an opcode.
  private struct Form: OptionSet {
    var rawValue: UInt8
    static let modrm = Form(rawValue: 1)
    static let immediate8 = Form(rawValue: 2)
    /// 4 bytes, or 2 with a 66 prefix.
    static let immediateZ = Form(rawValue: 4)
    static let immediate16 = Form(rawValue: 8)
    /// 8 bytes with REX.W, else as `immediateZ`.
    static let immediateV = Form(rawValue: 16)
    /// An immediate only when ModRM.reg is 0 or 1 (F6, F7).
    static let testImmediate = Form(rawValue: 32)
    static let unknown = Form(rawValue: 128)
  }

  /// nil when the instruction is one for Zydis, or needs more bytes than there are.
  @inline(__always)
  func decode(_ bytes: UnsafePointer<UInt8>, available: Int) -> RawInstruction? {
    var raw = RawInstruction()
    var at = 0
    prefixes: while at < 8 {
      switch bytes[at] {
      case 0x66: raw.hasOperand16 = true
      case 0x67: raw.hasAddress32 = true
      case 0x64: raw.hasFS = true
      case 0x65: raw.hasGS = true
      case 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26: break
      default: break prefixes
      }
      at &+= 1
      if at >= available { return nil }
    }
    if bytes[at] & 0xf0 == 0x40 {
      raw.rex = bytes[at]
      at &+= 1
    }
    guard at &+ 1 < available || at < available else { return nil }
    raw.opcode = bytes[at]
    at &+= 1
    var form: UInt8
    if raw.opcode == 0x0f {
      guard at < available else { return nil }
      raw.opcode = bytes[at]
      raw.map = .secondary
      at &+= 1
      form = secondary[Int(raw.opcode)]
    } else {
      form = primary[Int(raw.opcode)]
    }
    if form & Form.unknown.rawValue != 0 { return nil }
    if form & Form.modrm.rawValue != 0 {
      guard let after = operand(bytes, at, available, &raw) else { return nil }
      at = after
      if form & Form.testImmediate.rawValue != 0, raw.reg < 2 {
        form |= raw.opcode == 0xf6 ? Form.immediate8.rawValue : Form.immediateZ.rawValue
      }
      // xabort and xbegin.
      if raw.map == .primary, raw.opcode & 0xfe == 0xc6, raw.modrm == 0xf8 { return nil }
    }
    if form & ~(Form.modrm.rawValue | Form.testImmediate.rawValue) != 0 {
      guard let after = immediate(bytes, at, available, form, &raw) else { return nil }
      at = after
    }
    guard at <= available, at <= 15 else { return nil }
    raw.length = UInt8(at)
    return raw
  }

  @inline(__always)
  private func operand(
    _ bytes: UnsafePointer<UInt8>, _ start: Int, _ available: Int, _ raw: inout RawInstruction
  ) -> Int? {
    var at = start
    guard at < available else { return nil }
    raw.hasModRM = true
    raw.modrm = bytes[at]
    raw.modrmOffset = UInt8(at)
    at &+= 1
    let mod = raw.modrm >> 6
    if mod == 3 { return at }
    var size = mod == 1 ? 1 : mod == 2 ? 4 : 0
    if raw.modrm & 7 == 4 {
      guard at < available else { return nil }
      raw.sib = bytes[at]
      at &+= 1
      if mod == 0, raw.sib & 7 == 5 { size = 4 }
    } else if mod == 0, raw.modrm & 7 == 5 {
      size = 4
    }
    guard at &+ size <= available else { return nil }
    raw.displacementOffset = UInt8(at)
    if size == 1 {
      raw.displacement = Int64(Int8(bitPattern: bytes[at]))
    } else if size == 4 {
      raw.displacement = Int64(
        Int32(bitPattern: UnsafeRawPointer(bytes + at).loadUnaligned(as: UInt32.self)))
    }
    return at &+ size
  }

  @inline(__always)
  private func immediate(
    _ bytes: UnsafePointer<UInt8>, _ at: Int, _ available: Int, _ form: UInt8,
    _ raw: inout RawInstruction
  ) -> Int? {
    let size: Int
    if form & Form.immediate8.rawValue != 0 {
      size = 1
    } else if form & Form.immediate16.rawValue != 0 {
      size = 2
    } else if form & Form.immediateV.rawValue != 0, raw.isWide {
      size = 8
    } else {
      size = raw.isOperand16 ? 2 : 4
    }
    guard at &+ size <= available else { return nil }
    let place = UnsafeRawPointer(bytes + at)
    switch size {
    case 1: raw.immediate = Int64(Int8(bitPattern: bytes[at]))
    case 2: raw.immediate = Int64(place.loadUnaligned(as: UInt16.self))
    case 4: raw.immediate = Int64(Int32(bitPattern: place.loadUnaligned(as: UInt32.self)))
    default: raw.immediate = Int64(bitPattern: place.loadUnaligned(as: UInt64.self))
    }
    return at &+ size
  }

  // MARK: Tables

  // Raw tables, one pair for each decoder: a static table is asked for its initialization, an array
  // for its bounds, at every instruction.
  private let primary = FastDecoder.table(FastDecoder.primaryForms)
  private let secondary = FastDecoder.table(FastDecoder.secondaryForms)

  func deallocate() {
    primary.deallocate()
    secondary.deallocate()
  }

  private static func table(_ forms: [(ClosedRange<Int>, Form)]) -> UnsafePointer<UInt8> {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    table.initialize(repeating: Form.unknown.rawValue, count: 256)
    for (range, form) in forms { for opcode in range { table[opcode] = form.rawValue } }
    return UnsafePointer(table)
  }

  private static var primaryForms: [(ClosedRange<Int>, Form)] {
    var forms: [(ClosedRange<Int>, Form)] = []
    for group in 0..<8 {
      let base = group * 8
      forms += [
        (base...(base + 3), .modrm), ((base + 4)...(base + 4), .immediate8),
        ((base + 5)...(base + 5), .immediateZ),
      ]
    }
    return forms + [
      (0x50...0x5f, []), (0x63...0x63, .modrm), (0x68...0x68, .immediateZ),
      (0x69...0x69, [.modrm, .immediateZ]), (0x6a...0x6a, .immediate8),
      (0x6b...0x6b, [.modrm, .immediate8]), (0x70...0x7f, .immediate8),
      (0x80...0x80, [.modrm, .immediate8]), (0x81...0x81, [.modrm, .immediateZ]),
      (0x83...0x83, [.modrm, .immediate8]), (0x84...0x8e, .modrm), (0x90...0x99, []),
      (0x9b...0x9f, []), (0xa4...0xa7, []), (0xa8...0xa8, .immediate8),
      (0xa9...0xa9, .immediateZ), (0xaa...0xaf, []), (0xb0...0xb7, .immediate8),
      (0xb8...0xbf, .immediateV), (0xc0...0xc1, [.modrm, .immediate8]),
      (0xc2...0xc2, .immediate16), (0xc3...0xc3, []), (0xc6...0xc6, [.modrm, .immediate8]),
      (0xc7...0xc7, [.modrm, .immediateZ]), (0xc9...0xc9, []), (0xcc...0xcc, []),
      (0xd0...0xd3, .modrm), (0xd8...0xdf, .modrm), (0xe0...0xe3, .immediate8),
      (0xe8...0xe9, .immediateZ), (0xeb...0xeb, .immediate8),
      (0xf6...0xf7, [.modrm, .testImmediate]), (0xf8...0xf9, []), (0xfc...0xfd, []),
      (0xfe...0xff, .modrm),
    ]
  }

  private static var secondaryForms: [(ClosedRange<Int>, Form)] {
    [
      (0x05...0x05, []), (0x0b...0x0b, []), (0x10...0x1f, .modrm), (0x28...0x2f, .modrm),
      (0x31...0x31, []), (0x40...0x6f, .modrm), (0x70...0x73, [.modrm, .immediate8]),
      (0x74...0x76, .modrm), (0x7c...0x7f, .modrm), (0x80...0x8f, .immediateZ),
      (0x90...0x9f, .modrm), (0xa2...0xa2, []), (0xa3...0xa3, .modrm),
      (0xa4...0xa4, [.modrm, .immediate8]), (0xa5...0xa5, .modrm), (0xab...0xab, .modrm),
      (0xac...0xac, [.modrm, .immediate8]), (0xad...0xad, .modrm), (0xaf...0xb1, .modrm),
      (0xb3...0xb3, .modrm), (0xb6...0xb8, .modrm), (0xba...0xba, [.modrm, .immediate8]),
      (0xbb...0xc1, .modrm), (0xc2...0xc2, [.modrm, .immediate8]), (0xc3...0xc3, .modrm),
      (0xc4...0xc6, [.modrm, .immediate8]), (0xc8...0xcf, []), (0xd0...0xfe, .modrm),
    ]
  }
}
