// SPDX-License-Identifier: GPL-3.0-only

/// The features in the order in which gdb and gdbserver number their registers.
extension RegisterFeature {
  /// Those that a processor with these XCR0 bits has.
  static func features(xcr0: UInt64) -> [RegisterFeature] {
    func has(_ components: XSaveComponent...) -> Bool {
      components.allSatisfy { xcr0 & $0.bit != 0 }
    }
    var features = [core, sse, linux, segments]
    if has(.avx) { features.append(avx) }
    if has(.avx, .opmask, .zmmHi256, .hi16ZMM) { features.append(avx512) }
    if has(.pkru) { features.append(protectionKeys) }
    return features
  }

  private static func general(
    _ register: GeneralRegister, _ type: String, byteCount: Int = 8
  ) -> RegisterDescription {
    RegisterDescription(
      name: "\(register)", byteCount: byteCount, type: type, place: .general(register))
  }

  /// Registers `prefix`N`suffix` whose fields stand `stride` bytes apart in a component.
  private static func row(
    _ prefix: String, _ numbers: Range<Int>, _ suffix: String = "", byteCount: Int, type: String,
    in component: XSaveComponent, from offset: Int = 0, stride: Int
  ) -> [RegisterDescription] {
    numbers.enumerated().map { index, number in
      RegisterDescription(
        name: "\(prefix)\(number)\(suffix)", byteCount: byteCount, type: type,
        place: .component(component, offset: offset + index * stride))
    }
  }

  private static let core = RegisterFeature(
    name: "org.gnu.gdb.i386.core", types: [.eflags],
    registers: [.rax, .rbx, .rcx, .rdx, .rsi, .rdi].map { general($0, "int64") }
      + [.rbp, .rsp].map { general($0, "data_ptr") }
      + [.r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15].map { general($0, "int64") }
      + [general(.rip, "code_ptr"), general(.eflags, "i386_eflags", byteCount: 4)]
      + [.cs, .ss, .ds, .es, .fs, .gs].map { general($0, "int32", byteCount: 4) }
      + row("st", 0..<8, byteCount: 10, type: "i387_ext", in: .x87, from: 32, stride: 16)
      + X87Control.allCases.map {
        RegisterDescription(
          name: "\($0)", byteCount: 4, type: "int", group: "float", place: .x87Control($0))
      })

  private static let sse = RegisterFeature(
    name: "org.gnu.gdb.i386.sse", types: TargetType.vec128 + [.mxcsr],
    registers: row("xmm", 0..<16, byteCount: 16, type: "vec128", in: .sse, stride: 16) + [
      RegisterDescription(
        name: "mxcsr", byteCount: 4, type: "i386_mxcsr", group: "vector", place: .mxcsr)
    ])

  private static let linux = RegisterFeature(
    name: "org.gnu.gdb.i386.linux", registers: [general(.orig_rax, "int")])

  private static let segments = RegisterFeature(
    name: "org.gnu.gdb.i386.segments",
    registers: [general(.fs_base, "int"), general(.gs_base, "int")])

  private static let avx = RegisterFeature(
    name: "org.gnu.gdb.i386.avx",
    registers: row("ymm", 0..<16, "h", byteCount: 16, type: "uint128", in: .avx, stride: 16))

  private static let avx512 = RegisterFeature(
    name: "org.gnu.gdb.i386.avx512", types: TargetType.vec128 + [.pairOf128],
    registers:
      row("xmm", 16..<32, byteCount: 16, type: "vec128", in: .hi16ZMM, stride: 64)
      + row("ymm", 16..<32, "h", byteCount: 16, type: "uint128", in: .hi16ZMM, from: 16, stride: 64)
      + row("k", 0..<8, byteCount: 8, type: "uint64", in: .opmask, stride: 8)
      + row("zmm", 0..<16, "h", byteCount: 32, type: "v2ui128", in: .zmmHi256, stride: 32)
      + row(
        "zmm", 16..<32, "h", byteCount: 32, type: "v2ui128", in: .hi16ZMM, from: 32, stride: 64))

  private static let protectionKeys = RegisterFeature(
    name: "org.gnu.gdb.i386.pkeys",
    registers: [
      RegisterDescription(
        name: "pkru", byteCount: 4, type: "uint32", place: .component(.pkru, offset: 0))
    ])
}
