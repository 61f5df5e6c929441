// SPDX-License-Identifier: GPL-3.0-only
import CLinux
import Testing
import WorldVM
import XVCore
import xv_gdbstub

@Suite(.timeLimit(.minutes(1))) struct RegisterLayoutTests {
  static let everything: UInt64 = 0x2E7
  /// Offsets that are no processor's, so that none can be built in.
  static let offsets = XSaveOffsets([
    .avx: 600..<856, .opmask: 900..<964, .zmmHi256: 1000..<1512, .hi16ZMM: 1600..<2624,
    .pkru: 2700..<2708,
  ])
  let layout = RegisterLayout(xcr0: everything, offsets: offsets)

  /// An XSAVE area whose components all are what their bytes say, or all in their initial state.
  static func area(filledWith byte: UInt8, inUse: UInt64) -> [UInt8] {
    var area = [UInt8](repeating: byte, count: 2708)
    area.replaceSubrange(512..<576, with: repeatElement(0, count: 64))
    area.replaceSubrange(512..<520, with: bytes(inUse))
    return area
  }

  static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func stateBits(_ registers: Registers) -> UInt64 {
    registers.extended[512..<520].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// gdbserver's numbers for a processor with everything.
  @Test(arguments: [
    ("rax", 64, "int64", 0), ("rsp", 64, "data_ptr", 7), ("rip", 64, "code_ptr", 16),
    ("eflags", 32, "i386_eflags", 17), ("gs", 32, "int32", 23), ("st0", 80, "i387_ext", 24),
    ("fctrl", 32, "int", 32), ("ftag", 32, "int", 34), ("fop", 32, "int", 39),
    ("xmm0", 128, "vec128", 40), ("mxcsr", 32, "i386_mxcsr", 56), ("orig_rax", 64, "int", 57),
    ("fs_base", 64, "int", 58), ("gs_base", 64, "int", 59), ("ymm0h", 128, "uint128", 60),
    ("xmm16", 128, "vec128", 76), ("ymm16h", 128, "uint128", 92), ("k0", 64, "uint64", 108),
    ("zmm0h", 256, "v2ui128", 116), ("zmm16h", 256, "v2ui128", 132),
    ("zmm31h", 256, "v2ui128", 147), ("pkru", 32, "uint32", 148),
  ])
  func describesRegistersAsGdbserver(name: String, bits: Int, type: String, number: Int) {
    let xml = String(decoding: layout.targetXML(forLLDB: false), as: UTF8.self)
    let start = "<reg name=\"\(name)\" bitsize=\"\(bits)\" type=\"\(type)\" regnum=\"\(number)\""
    #expect(xml.contains(start))
    #expect(layout.byteCount(of: number) == bits / 8)
  }

  @Test(
    arguments: [
      (0x3, 60, 560), (0x7, 76, 816), (0xE7, 148, 2416), (everything, 149, 2420),
      // Protection keys without AVX-512, and AVX-512 in part, which is none.
      (0x207, 77, 820), (0x27, 76, 816),
    ] as [(UInt64, Int, Int)])
  func hasWhatTheProcessorHas(xcr0: UInt64, registers: Int, bytes: Int) {
    let layout = RegisterLayout(xcr0: xcr0, offsets: Self.offsets)
    #expect(layout.registerCount == registers)
    #expect(layout.byteCount == bytes)
    let values = Registers(
      general: user_regs_struct(), extended: Self.area(filledWith: 0, inUse: xcr0))
    #expect(layout.encode(values).count == bytes)
  }

  @Test func generalRegistersStandWhereGdbWantsThem() {
    var general = user_regs_struct()
    general.rax = 0x0102_0304_0506_0708
    general.rbx = 2
    general.rdi = 3
    general.r15 = 4
    general.rip = 5
    general.eflags = 0x246
    general.cs = 0x33
    general.gs = 7
    general.orig_rax = .max
    general.fs_base = 8
    general.gs_base = 9
    let values = Registers(general: general)
    let expected: [(Int, [UInt8])] = [
      (0, [8, 7, 6, 5, 4, 3, 2, 1]), (1, Self.bytes(UInt64(2))), (5, Self.bytes(UInt64(3))),
      (15, Self.bytes(UInt64(4))), (16, Self.bytes(UInt64(5))), (17, Self.bytes(UInt32(0x246))),
      (18, Self.bytes(UInt32(0x33))), (23, Self.bytes(UInt32(7))), (57, Self.bytes(UInt64.max)),
      (58, Self.bytes(UInt64(8))), (59, Self.bytes(UInt64(9))),
    ]
    for (number, bytes) in expected {
      #expect(layout.register(number, of: values) == bytes, "register \(number)")
    }
    // Nothing of the extended state was read.
    #expect(layout.register(24, of: values) == nil)
    #expect(layout.encode(values).count == 164)
  }

  @Test func encodedRegistersDecodeToThemselves() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let wire = (0..<layout.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
      var values = Registers(
        general: user_regs_struct(), extended: Self.area(filledWith: 0x55, inUse: 0))
      layout.decode(wire, into: &values)
      let first = layout.encode(values)
      // The tag word and the fields of less than 32 bits cannot hold everything; the rest can.
      #expect(first[..<244] == wire[..<244])
      #expect(first[276...] == wire[276...])
      var again = empty
      layout.decode(first, into: &again)
      #expect(layout.encode(again) == first)
    }
  }

  private var empty: Registers {
    Registers(general: user_regs_struct(), extended: Self.area(filledWith: 0, inUse: 0))
  }

  @Test func setsOneRegisterAndNoOther() {
    let base = Registers(
      general: user_regs_struct(), extended: Self.area(filledWith: 0, inUse: Self.everything))
    for number in 0..<layout.registerCount {
      guard let count = layout.byteCount(of: number) else { continue }
      var values = base
      // The tag word 0xFFFF is the one of an area of zeros: all registers empty.
      let bytes = [UInt8](repeating: number == 34 ? 0 : 0xFF, count: count)
      #expect(layout.setRegister(number, bytes, in: &values))
      for other in 0..<layout.registerCount where other != number {
        #expect(layout.register(other, of: values) == layout.register(other, of: base))
      }
      #expect(layout.register(number, of: values) != layout.register(number, of: base))
      #expect(!layout.setRegister(number, bytes + [0], in: &values))
    }
    var values = base
    #expect(!layout.setRegister(layout.registerCount, [0], in: &values))
    #expect(layout.register(-1, of: values) == nil)
  }

  @Test func initialStateIsShownWhateverTheBytesAre() throws {
    var area = Self.area(filledWith: 0xAA, inUse: 0)
    area.replaceSubrange(24..<28, with: [0, 0, 0, 0])
    let values = Registers(general: user_regs_struct(), extended: area)
    for number in 24..<layout.registerCount where !(57...59).contains(number) {
      let bytes = try #require(layout.register(number, of: values))
      let expected: UInt32 =
        switch number {
        case 32: 0x37F  // fctrl
        case 34: 0xFFFF  // ftag: all empty
        case 56: 0x1F80  // mxcsr
        default: 0
        }
      #expect(bytes.prefix(4) == Self.bytes(expected).prefix(bytes.count), "register \(number)")
      #expect(bytes.dropFirst(4).allSatisfy { $0 == 0 }, "register \(number)")
    }
  }

  @Test func writingBackWhatWasReadEndsNoInitialState() {
    let area = Self.area(filledWith: 0xAA, inUse: 0)
    var values = Registers(general: user_regs_struct(), extended: area)
    layout.decode(layout.encode(values), into: &values)
    #expect(values.extended == area)
  }

  @Test(arguments: [
    (25, 0), (32, 0), (39, 0), (40, 1), (56, 1), (63, 2), (110, 5), (119, 6), (80, 7), (147, 7),
    (148, 9),
  ])
  func aWriteEndsOneInitialState(number: Int, component: UInt64) throws {
    var values = Registers(
      general: user_regs_struct(), extended: Self.area(filledWith: 0xAA, inUse: 0))
    let before = layout.encode(values)
    var bytes = try #require(layout.register(number, of: values))
    bytes[0] ^= 0x11
    #expect(layout.setRegister(number, bytes, in: &values))
    #expect(Self.stateBits(values) == 1 << component)
    #expect(layout.register(number, of: values) == bytes)
    // All others, those of the component included, are what they were.
    #expect(zip(layout.encode(values), before).count { $0 != $1 } == 1)
  }

  /// MXCSR comes back from the area as soon as a vector component does.
  @Test(arguments: [(40, 1), (60, 2)])
  func aVectorWriteKeepsMXCSR(number: Int, component: UInt64) {
    var area = Self.area(filledWith: 0, inUse: 0)
    area.replaceSubrange(24..<28, with: [0, 0, 0, 0])
    var values = Registers(general: user_regs_struct(), extended: area)
    #expect(layout.setRegister(number, Array(repeating: 1, count: 16), in: &values))
    #expect(values.extended[24..<28].elementsEqual(Self.bytes(UInt32(0x1F80))))
  }

  /// Significand, sign and exponent, and the tag the processor's FSTENV would give.
  @Test(
    arguments: [
      (0x8000_0000_0000_0000, 0x3FFF, 0), (0x8000_0000_0000_0000, 0xC000, 0), (0, 0, 1),
      (0, 0x8000, 1), (5, 0, 2), (0x8000_0000_0000_0000, 0x7FFF, 2), (5, 0x3FFF, 2),
      (0xC000_0000_0000_0000, 0xFFFF, 2), (0, 0x3FFF, 2),
    ] as [(UInt64, UInt16, UInt32)])
  func tagWordFollowsTheContents(significand: UInt64, exponent: UInt16, tag: UInt32) {
    for top in 0..<8 {
      var area = Self.area(filledWith: 0, inUse: 1)
      area.replaceSubrange(2..<4, with: Self.bytes(UInt16(top << 11)))
      // st(2) alone is in use.
      let physical = (top + 2) & 7
      area[4] = 1 << UInt8(physical)
      area.replaceSubrange(64..<74, with: Self.bytes(significand) + Self.bytes(exponent))
      var values = Registers(general: user_regs_struct(), extended: area)
      let expected = 0xFFFF & ~(3 << UInt32(2 * physical)) | tag << UInt32(2 * physical)
      #expect(layout.register(34, of: values) == Self.bytes(expected))
      // And back: emptied, and in use again.
      #expect(layout.setRegister(34, Self.bytes(UInt32(0xFFFF)), in: &values))
      #expect(values.extended[4] == 0)
      #expect(layout.setRegister(34, Self.bytes(expected), in: &values))
      #expect(values.extended[4] == area[4])
    }
  }

  /// The 64-bit instruction pointer of FXSAVE64, split as gdbserver splits it.
  @Test func floatingPointPointersAreSplit() {
    var area = Self.area(filledWith: 0, inUse: 1)
    area.replaceSubrange(6..<8, with: Self.bytes(UInt16(0xFFFF)))
    area.replaceSubrange(8..<16, with: Self.bytes(UInt64(0x7FFF_1234_5678)))
    area.replaceSubrange(16..<24, with: Self.bytes(UInt64(0x7FFE_9ABC_DEF0)))
    let values = Registers(general: user_regs_struct(), extended: area)
    #expect(layout.register(35, of: values) == Self.bytes(UInt32(0x7FFF)))
    #expect(layout.register(36, of: values) == Self.bytes(UInt32(0x1234_5678)))
    #expect(layout.register(37, of: values) == Self.bytes(UInt32(0x7FFE)))
    #expect(layout.register(38, of: values) == Self.bytes(UInt32(0x9ABC_DEF0)))
    #expect(layout.register(39, of: values) == Self.bytes(UInt32(0x7FF)))
  }

  @Test func anAreaThatEndsEarlyIsNotReadBeyond() {
    var values = Registers(
      general: user_regs_struct(),
      extended: Array(Self.area(filledWith: 0, inUse: 0).prefix(1000)))
    #expect(layout.register(60, of: values) != nil)
    #expect(layout.register(116, of: values) == nil)
    #expect(!layout.setRegister(116, Array(repeating: 1, count: 32), in: &values))
    values.extended = [1, 2, 3]
    #expect(layout.register(40, of: values) == nil)
  }

  /// What CPUID says of this processor: AVX stands behind the header on every one, no component
  /// overlaps another.
  @Test func theProcessorsOffsetsAreSane() {
    let ranges = XSaveComponent.allCases.compactMap { XSaveOffsets.ofProcessor[$0] }
      .sorted { $0.lowerBound < $1.lowerBound }
    #expect(ranges.count >= 3)
    #expect(XSaveOffsets.ofProcessor[.avx] == 576..<832)
    for (one, next) in zip(ranges, ranges.dropFirst()) {
      #expect(one.upperBound <= next.lowerBound && !next.isEmpty)
    }
  }
}
