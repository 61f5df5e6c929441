// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import RSP
internal import XVCore

/// A server's registers and ours: they have the names in common.
///
/// What the server has and we do not know is left alone; what it does not have is zero. Vector state
/// that this machine's processor does not have is not shown, because it has no place in its area.
struct RemoteRegisters: Sendable {
  private let map: RegisterMap
  private let layout: RegisterLayout
  private let xcr0: UInt64
  private let pairs: [(entry: RegisterMap.Entry, number: Int)]
  private let emptyArea: [UInt8]

  init(_ map: RegisterMap) {
    self.map = map
    var wanted = XSaveComponent.x87.bit
    func add(_ name: String, _ components: XSaveComponent...) {
      guard map[name] != nil else { return }
      wanted = components.reduce(wanted) { $0 | $1.bit }
    }
    add("xmm0", .sse)
    add("ymm0h", .avx)
    add("k0", .opmask, .zmmHi256, .hi16ZMM)
    add("pkru", .pkru)
    let offsets = XSaveOffsets.ofProcessor
    xcr0 = offsets.present(in: wanted)
    let layout = RegisterLayout(xcr0: xcr0, offsets: offsets)
    self.layout = layout
    pairs = map.entries.compactMap { entry in
      layout.number(of: entry.name).map { (entry, $0) }
    }
    var area = [UInt8](repeating: 0, count: offsets.areaLength)
    area.store(xcr0, at: 464)
    emptyArea = area
  }

  var programCounter: RegisterMap.Entry? { map["rip"] }

  /// From the bytes of `g`.
  func decode(_ bytes: [UInt8]) -> Registers {
    var registers = Registers(general: user_regs_struct(), extended: emptyArea)
    for (entry, number) in pairs where entry.offset + entry.byteCount <= bytes.count {
      let value = Array(bytes[entry.offset..<entry.offset + entry.byteCount])
      let size = layout.byteCount(of: number) ?? 0
      _ = layout.setRegister(number, Self.fitted(value, size), in: &registers)
    }
    return registers
  }

  /// What of `bytes`, which `g` told, is to be another: the server's numbers, and the new bytes.
  func changes(
    from bytes: [UInt8], to registers: Registers
  ) -> [(entry: RegisterMap.Entry, value: [UInt8])] {
    var wanted = registers
    // Only the general registers were read: the others stay.
    if wanted.extended.isEmpty { wanted.extended = decode(bytes).extended }
    return pairs.compactMap { entry, number in
      guard entry.offset + entry.byteCount <= bytes.count,
        let value = layout.register(number, of: wanted)
      else { return nil }
      let fitted = Self.fitted(value, entry.byteCount)
      let old = bytes[entry.offset..<entry.offset + entry.byteCount]
      return old.elementsEqual(fitted) ? nil : (entry, fitted)
    }
  }

  /// Zeros above, or cut off: a server's segment registers may have another size.
  private static func fitted(_ value: [UInt8], _ count: Int) -> [UInt8] {
    value.count >= count
      ? Array(value.prefix(count)) : value + [UInt8](repeating: 0, count: count - value.count)
  }
}
