// SPDX-License-Identifier: GPL-3.0-only

/// Where the program has data that nothing but a mapping call can change: private memory that may be read only, such
/// as what the dynamic linker has relocated and then protected (ld(1), `-z relro`).
struct ConstantMemory {
  private struct Area {
    var range: Range<UInt64>
    /// Known to be private.
    var isSure: Bool
  }

  private var areas: [Area] = []
  /// Of areas that nobody has asked for yet the latest are enough: a program may protect page after page. One that was
  /// asked for stays, since code relies on it.
  private static let mostUnsure = 64

  var ranges: [Range<UInt64>] { areas.map(\.range) }

  /// From now on these pages may be read only; unless `isSure`, they may be shared with others, who write there.
  mutating func add(_ range: Range<UInt64>, isSure: Bool) {
    remove(range)
    guard !range.isEmpty else { return }
    if !isSure, areas.count(where: { !$0.isSure }) >= ConstantMemory.mostUnsure,
      let oldest = areas.firstIndex(where: { !$0.isSure })
    {
      areas.remove(at: oldest)
    }
    areas.append(Area(range: range, isSure: isSure))
  }

  /// These pages may change. Whether any of them could not until now.
  @discardableResult
  mutating func remove(_ range: Range<UInt64>) -> Bool {
    guard areas.contains(where: { $0.range.overlaps(range) }) else { return false }
    areas = areas.flatMap { area -> [Area] in
      guard area.range.overlaps(range) else { return [area] }
      let below = area.range.lowerBound..<max(area.range.lowerBound, range.lowerBound)
      let above = min(area.range.upperBound, range.upperBound)..<area.range.upperBound
      return [below, above].filter { !$0.isEmpty }.map { Area(range: $0, isSure: area.isSure) }
    }
    return true
  }

  func overlaps(_ range: Range<UInt64>) -> Bool { areas.contains { $0.range.overlaps(range) } }

  mutating func removeAll() { areas.removeAll() }

  /// The pages around an address that are as constant as it is; nil when it is not.
  mutating func range(containing address: UInt64, of process: Int32) -> Range<UInt64>? {
    guard let index = areas.firstIndex(where: { $0.range.contains(address) }) else { return nil }
    let range = areas[index].range
    if !areas[index].isSure {
      let map = AddressMap(process: process)
      guard !map.lines.isEmpty else { return nil }
      let lines = map.lines.filter { $0.range.overlaps(range) }
      guard !lines.isEmpty, lines.allSatisfy({ !$0.isShared && $0.protection == 1 }) else {
        areas.remove(at: index)
        return nil
      }
      areas[index].isSure = true
    }
    return range
  }
}
