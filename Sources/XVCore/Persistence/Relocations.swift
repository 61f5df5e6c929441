// SPDX-License-Identifier: GPL-3.0-only

/// What must change in a unit's code when it is put at another place of the cache, or when its
/// original code lies elsewhere.
enum Relocation: UInt32 {
  /// disp32 from hot code to original memory.
  case hotToOriginal
  /// disp32 from hot code to a literal.
  case hotToLiteral
  /// disp32 between the unit's hot and cold parts.
  case hotToCold
  case coldToHot
  /// A number of an exit.
  case exitNumber
  /// An original address as two imm32 whose fields lie `halvesDistance` bytes apart.
  case originalHalves
  /// An original address as an imm64.
  case original64

  static let halvesDistance = 12

  /// The kind and the offset into the arena of the field, in one word.
  @inline(__always)
  func packed(at offset: UInt32) -> UInt32 { rawValue << 28 | offset }

  @inline(__always)
  static func unpacked(_ word: UInt32) -> (kind: Relocation, offset: UInt32)? {
    guard let kind = Relocation(rawValue: word >> 28) else { return nil }
    return (kind, word & 0xfff_ffff)
  }
}

/// The relocations of the unit that is being emitted.
struct RelocationList: ~Copyable {
  /// More than the largest unit needs; one that would need more is not persisted.
  private static let capacity = 8192
  let words = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
  private(set) var count = 0
  /// Original addresses stand in the code in a form that no relocation describes.
  private(set) var isAbsolute = false
  /// The unit is good for this moment only.
  private(set) var isUnmovable = false

  deinit { words.deallocate() }

  @inline(__always)
  mutating func removeAll() {
    count = 0
    isAbsolute = false
    isUnmovable = false
  }

  @inline(__always)
  mutating func append(_ kind: Relocation, _ offset: UInt32) {
    guard count < RelocationList.capacity else {
      isUnmovable = true
      return
    }
    words[count] = kind.packed(at: offset)
    count &+= 1
  }

  mutating func noteAbsolute() { isAbsolute = true }
  mutating func noteUnmovable() { isUnmovable = true }
}
