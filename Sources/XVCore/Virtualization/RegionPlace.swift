// SPDX-License-Identifier: GPL-3.0-only

/// Where in the guest's address space the region may be.
enum RegionPlace {
  private static let size = UInt64(RegionLayout.regionSize)
  /// What the kernel gives to processes that do not ask for more (TASK_SIZE of 47 bits, less a page).
  private static let end: UInt64 = 0x7fff_ffff_f000
  /// Below lies what is mapped at fixed addresses.
  private static let start: UInt64 = 0x1_0000
  /// Far from executables, heaps, libraries and sanitizers' shadows, and above the 46 bits of which V8 makes
  /// the random addresses that it asks for, some eighty in each run: nothing prefers to be here.
  private static let suitable: Range<UInt64> = 0x4100_0000_0000..<0x5000_0000_0000

  static func first(_ map: AddressMap) -> UInt64? {
    map.firstFree((0..<28).map { suitable.lowerBound + $0 * 0x80_0000_0000 }, size: size)
  }

  /// A free one among those that nothing prefers, and none of `avoided`.
  static func any(
    _ map: AddressMap, avoiding avoided: [Range<UInt64>], by numbers: inout some RandomNumberGenerator
  ) -> UInt64? {
    let taken = (map.lines.map(\.range) + avoided).sorted { $0.lowerBound < $1.lowerBound }
    // Where there is plenty, most of all; else wherever there is a hole.
    for area in [suitable, 0x1_0000_0000..<end] {
      let places = holes(in: area, between: taken).filter { $0.upperBound - $0.lowerBound >= size }
      let total = places.reduce(0) { $0 + ($1.upperBound - $1.lowerBound - size) / alignment + 1 }
      guard total > 0 else { continue }
      var number = UInt64.random(in: 0..<total, using: &numbers)
      for place in places {
        let count = (place.upperBound - place.lowerBound - size) / alignment + 1
        if number < count { return place.lowerBound + number * alignment }
        number -= count
      }
    }
    return nil
  }

  private static let alignment: UInt64 = 0x20_0000

  /// What is free, from one multiple of `alignment` to another. `taken` is sorted.
  private static func holes(
    in area: Range<UInt64>, between taken: [Range<UInt64>]
  ) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var start = area.lowerBound
    for range in taken where range.upperBound > start && range.lowerBound < area.upperBound {
      let hole = range.lowerBound & ~(alignment - 1)
      if hole > start { result.append(start..<hole) }
      start = (range.upperBound + alignment - 1) & ~(alignment - 1)
    }
    if start < area.upperBound { result.append(start..<area.upperBound) }
    return result
  }

  /// Why the region cannot be at an address, in words; nil when it can.
  static func refusal(_ address: UInt64, _ map: AddressMap) -> String? {
    guard address & 0xfff == 0 else { return "an address of a page is wanted, a multiple of 0x1000" }
    guard address >= start, address < end, end - address >= size else {
      return "xv needs \(size >> 20) MiB between \(OriginalAddress(start)) and \(OriginalAddress(end))"
    }
    let wanted = address..<(address + size)
    guard let line = map.lines.first(where: { $0.range.overlaps(wanted) }) else { return nil }
    let what =
      line.path.hasPrefix("/memfd:xv ") ? "xv itself" : line.path.isEmpty ? "the program" : line.path
    return "\(what) has \(OriginalAddress(line.range.lowerBound)) to \(OriginalAddress(line.range.upperBound)); xv needs \(size >> 20) MiB"
  }
}
