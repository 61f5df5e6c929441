// SPDX-License-Identifier: GPL-3.0-only

/// One mapping of the program as it has it natively: without the server's, with its own protection.
public struct MemoryMapping: Hashable, Sendable {
  public var range: OriginalRange
  /// PROT_READ, PROT_WRITE and PROT_EXEC.
  public var protection: Int32
  public var isShared: Bool
  /// As /proc/PID/maps names it; empty for anonymous memory.
  public var path: String

  public init(range: OriginalRange, protection: Int32, isShared: Bool, path: String) {
    self.range = range
    self.protection = protection
    self.isShared = isShared
    self.path = path
  }
}

extension Tracer {
  /// The program's mappings in the order of their addresses.
  ///
  /// Guard mode changes what the kernel tells: executable mappings are not executable there, and the
  /// kernel may have joined them with their neighbours. So lines are cut where executable areas
  /// begin and end.
  func mappings() -> [MemoryMapping] {
    let areas = engine?.lock.locked { engine?.translator.pointee.ranges.areas } ?? []
    var result: [MemoryMapping] = []
    for line in AddressMap(process: process).lines where !line.path.hasPrefix("/memfd:xv ") {
      var start = line.range.lowerBound
      func append(until end: UInt64, _ protection: Int32) {
        guard start < end else { return }
        result.append(
          MemoryMapping(
            range: OriginalAddress(start)..<OriginalAddress(end), protection: protection,
            isShared: line.isShared, path: line.path))
        start = end
      }
      for area in areas where area.range.overlaps(line.range) {
        append(until: area.range.lowerBound, line.protection)
        append(until: min(area.range.upperBound, line.range.upperBound), area.protection)
      }
      append(until: line.range.upperBound, line.protection)
    }
    return result
  }
}

extension Guest {
  /// The program's mappings in the order of their addresses.
  package func mappings() throws(GuestError) -> [MemoryMapping] {
    try whileStopped { tracer throws(GuestError) in tracer.mappings() }
  }
}
