// SPDX-License-Identifier: GPL-3.0-only

/// Where the guest asked for executable memory: the guest's view, also when guard mode has taken
/// PROT_EXEC away behind its back.
struct ExecutableRanges {
  struct Area: Hashable {
    var range: Range<UInt64>
    /// PROT_READ | PROT_WRITE | PROT_EXEC as the guest asked.
    var protection: Int32
    /// Backed by a file and private: only a mapping call can change it unless it is writable too.
    var isFile: Bool
    /// MAP_SHARED: somebody may write it through another mapping.
    var isShared = false
    /// The file among those whose translations outlive the process; -1 for none.
    var module: Int16 = -1

    /// Code here can change without a mapping call.
    var isVolatile: Bool { isShared || protection & 2 != 0 }
  }

  /// Sorted, without overlaps.
  private(set) var areas: [Area] = []
  /// The kernel offers the calls at fixed addresses (`Vsyscall`).
  var hasVsyscall = false

  func area(containing address: UInt64) -> Area? {
    var low = 0
    var high = areas.count
    while low < high {
      let middle = (low + high) / 2
      if areas[middle].range.upperBound <= address { low = middle + 1 } else { high = middle }
    }
    guard low < areas.count, areas[low].range.contains(address) else { return nil }
    return areas[low]
  }

  func overlaps(_ range: Range<UInt64>) -> Bool {
    areas.contains { $0.range.overlaps(range) }
  }

  /// The parts of executable areas that lie in `range`.
  func areas(in range: Range<UInt64>) -> [Area] {
    areas.compactMap { area in
      let part = area.range.clamped(to: range)
      var clipped = area
      clipped.range = part
      return part.isEmpty ? nil : clipped
    }
  }

  /// Whether any part of a range is shared; nil where `parts` do not make up all of it.
  static func sharesAny(of range: Range<UInt64>, _ parts: [Area]) -> Bool? {
    let known = parts.reduce(0) { $0 + $1.range.upperBound - $1.range.lowerBound }
    return known == range.upperBound - range.lowerBound ? parts.contains(where: \.isShared) : nil
  }

  mutating func remove(_ range: Range<UInt64>) {
    guard overlaps(range) else { return }
    var kept: [Area] = []
    for area in areas {
      guard area.range.overlaps(range) else {
        kept.append(area)
        continue
      }
      if area.range.lowerBound < range.lowerBound {
        var left = area
        left.range = area.range.lowerBound..<range.lowerBound
        kept.append(left)
      }
      if area.range.upperBound > range.upperBound {
        var right = area
        right.range = range.upperBound..<area.range.upperBound
        kept.append(right)
      }
    }
    areas = kept
  }

  mutating func add(_ area: Area) {
    remove(area.range)
    let index = areas.firstIndex { $0.range.lowerBound > area.range.lowerBound } ?? areas.count
    areas.insert(area, at: index)
  }

  mutating func removeAll() { areas.removeAll() }
}
