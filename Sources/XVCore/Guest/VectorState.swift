// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux

/// The vector registers in a thread's extended state, in the layout of XSAVE (Intel SDM volume 1, 13.4).
struct VectorState {
  let area: [UInt8]

  /// The indices of the elements that a gather or scatter accesses.
  func elements(_ index: VectorIndex, of operand: OperandAccess) -> [UInt64] {
    let indices = register(index.register)
    return (0..<index.count).filter { isChosen($0, index.mask, size: operand.size) }.map { element in
      let place = element * index.size
      let value = (0..<index.size).reduce(UInt64(0)) {
        $0 | UInt64(indices[place + $1]) << UInt64($1 * 8)
      }
      return index.size == 8
        ? value : UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
    }
  }

  private func isChosen(_ element: Int, _ mask: VectorIndex.Mask, size: Int) -> Bool {
    switch mask {
    case .none: true
    case .opmask(let number):
      piece(5, number * 8, 8)[element / 8] >> UInt8(element % 8) & 1 != 0
    case .vector(let number): register(number)[element * size + size - 1] & 0x80 != 0
    }
  }

  /// 64 bytes.
  private func register(_ number: Int) -> [UInt8] {
    if number >= 16 { return piece(7, (number - 16) * 64, 64) }
    return bytes(160 + number * 16, 16) + piece(2, number * 16, 16) + piece(6, number * 32, 32)
  }

  private func piece(_ component: UInt32, _ offset: Int, _ count: Int) -> [UInt8] {
    var size: UInt32 = 0
    var start: UInt32 = 0
    guard xv_cpuid_xsave_component(component, &size, &start) != 0 else {
      return [UInt8](repeating: 0, count: count)
    }
    return bytes(Int(start) + offset, count)
  }

  private func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
    guard offset + count <= area.count else { return [UInt8](repeating: 0, count: count) }
    return Array(area[offset..<(offset + count)])
  }
}
