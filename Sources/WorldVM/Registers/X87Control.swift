// SPDX-License-Identifier: GPL-3.0-only

/// The x87 control registers as gdb numbers them, 4 bytes each on the wire.
///
/// As gdbserver shows the 64-bit form of FXSAVE: the instruction pointer's lower half is `fioff` and
/// its next 16 bits are `fiseg`; the data pointer likewise.
enum X87Control: Int, CaseIterable, Sendable {
  case fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop

  /// Where the register stands in the legacy area.
  private var field: Range<Int> {
    switch self {
    case .fctrl: 0..<2
    case .fstat: 2..<4
    case .ftag: 4..<5
    case .fop: 6..<8
    case .fioff: 8..<12
    case .fiseg: 12..<14
    case .fooff: 16..<20
    case .foseg: 20..<22
    }
  }

  func read(_ state: ExtendedState, of area: [UInt8]) -> [UInt8]? {
    guard let bytes = state.read(.x87, field, of: area) else { return nil }
    let value = UInt32(littleEndian: bytes)
    switch self {
    case .ftag: return X87TagWord(of: area, in: state).map { Array(littleEndian: UInt32($0.full)) }
    case .fop: return Array(littleEndian: value & 0x7FF)
    default: return Array(littleEndian: value)
    }
  }

  func write(_ bytes: [UInt8], _ state: ExtendedState, in area: inout [UInt8]) -> Bool {
    guard bytes.count == 4, let current = read(state, of: area) else { return false }
    if bytes == current { return true }
    let value = UInt32(littleEndian: bytes[...])
    let stored =
      switch self {
      case .ftag: UInt32(X87TagWord.abridged(UInt16(truncatingIfNeeded: value)))
      case .fop: value & 0x7FF
      default: value
      }
    let own = Array([UInt8](littleEndian: stored).prefix(field.count))
    return state.write(.x87, field, own, in: &area)
  }
}

/// The x87 tag word: two bits for each physical register.
///
/// FXSAVE keeps one, "not empty"; the rest follows from the registers' contents (Intel SDM volume 1,
/// 8.1.7 and 10.5.1.1).
struct X87TagWord {
  private enum Tag: UInt16 {
    case valid = 0
    case zero = 1
    case special = 2
    case empty = 3
  }

  let full: UInt16

  init?(of area: [UInt8], in state: ExtendedState) {
    guard let status = state.read(.x87, 2..<4, of: area).map(UInt16.init(littleEndian:)),
      let used = state.read(.x87, 4..<5, of: area)?.first
    else { return nil }
    let top = Int(status >> 11) & 7
    var full: UInt16 = 0
    for physical in 0..<8 {
      var tag = Tag.empty
      if used & 1 << physical != 0 {
        // The area holds the stack, st(0) first, not the physical registers.
        let start = 32 + 16 * ((physical - top) & 7)
        guard let value = state.read(.x87, start..<start + 10, of: area) else { return nil }
        tag = Self.tag(of: value)
      }
      full |= tag.rawValue << UInt16(2 * physical)
    }
    self.full = full
  }

  static func abridged(_ full: UInt16) -> UInt8 {
    (0..<8).reduce(0) { bits, physical in
      full >> UInt16(2 * physical) & 3 == Tag.empty.rawValue ? bits : bits | 1 << UInt8(physical)
    }
  }

  private static func tag(of value: ArraySlice<UInt8>) -> Tag {
    let significand = UInt64(littleEndian: value.prefix(8))
    let exponent = UInt16(littleEndian: value.dropFirst(8)) & 0x7FFF
    switch (exponent, significand) {
    case (0, 0): return .zero
    case (0, _), (0x7FFF, _): return .special
    default: return significand >> 63 == 1 ? .valid : .special
    }
  }
}
