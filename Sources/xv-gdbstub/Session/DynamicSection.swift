// SPDX-License-Identifier: GPL-3.0-only
internal import WorldVM
internal import XVCore

/// A program's dynamic section as it stands in memory: pairs of a tag and a value.
struct DynamicSection {
  /// DT_DEBUG of <elf.h>: the linker writes the address of its `r_debug` there.
  private static let debugTag: UInt64 = 21
  private static let endTag: UInt64 = 0
  /// A section without an end is no section.
  private static let mostEntries: UInt64 = 256

  /// Where the linker's address stands or will stand; nil when the program has no place for it.
  let debugSlot: Address?
  /// Zero when the program has none, or the linker has not written it yet.
  let debugStructure: Address

  init(world: any World, at start: Address) throws(WorldError) {
    var found: UInt64 = 0
    var slot: Address?
    if start.rawValue != 0 {
      for index in 0..<Self.mostEntries {
        let tag = try world.read(start + index * 16)
        if tag == Self.endTag { break }
        if tag == Self.debugTag {
          slot = start + index * 16 + 8
          found = try world.read(start + index * 16 + 8)
        }
      }
    }
    debugSlot = slot
    debugStructure = Address(found)
  }
}
