// SPDX-License-Identifier: GPL-3.0-only
public import XVCore

/// What changed in a world's mappings, as it was found from look to look.
///
/// A look is taken when the world is got, at each call that asks for mappings, and when the log is
/// read; what came and went between two looks is not in it.
public struct MapLog: Sendable {
  public enum Change: Hashable, Sendable {
    case map
    case unmap
    /// The protection before.
    case protect(from: Int32)
  }

  public struct Entry: Hashable, Sendable {
    /// In which it was found.
    public var incarnation: Incarnation
    public var change: Change
    /// The mapping as it is now, or as it was before it was taken away.
    public var mapping: MemoryMapping
  }

  /// The oldest entries go when there are more.
  private static let most = 4096

  public private(set) var entries: [Entry] = []
  private var last: [MemoryMapping]?

  public init() {}

  /// Takes note of the mappings of an incarnation, in the order of addresses.
  public mutating func look(at mappings: [MemoryMapping], in incarnation: Incarnation) {
    defer { last = mappings }
    guard let last, last != mappings else { return }
    // Pieces at whose borders something may change: each lies in at most one mapping of each list.
    let borders = Set((last + mappings).flatMap { [$0.range.lowerBound, $0.range.upperBound] })
      .sorted()
    var old = last[...]
    var new = mappings[...]
    for (start, end) in zip(borders, borders.dropFirst()) {
      let before = Self.mapping(at: start, &old)
      let after = Self.mapping(at: start, &new)
      guard let change = Self.change(before, after), var mapping = after ?? before else { continue }
      mapping.range = start..<end
      append(Entry(incarnation: incarnation, change: change, mapping: mapping))
    }
    if entries.count > Self.most { entries.removeFirst(entries.count - Self.most) }
  }

  private static func mapping(
    at address: Address, _ list: inout ArraySlice<MemoryMapping>
  ) -> MemoryMapping? {
    while let first = list.first, first.range.upperBound <= address { list.removeFirst() }
    return list.first.flatMap { $0.range.contains(address) ? $0 : nil }
  }

  private static func change(_ before: MemoryMapping?, _ after: MemoryMapping?) -> Change? {
    guard let before else { return after == nil ? nil : .map }
    guard let after else { return .unmap }
    if before.path != after.path || before.isShared != after.isShared { return .map }
    return before.protection == after.protection ? nil : .protect(from: before.protection)
  }

  /// Neighbours to which the same happened are one.
  private mutating func append(_ entry: Entry) {
    if let previous = entries.last, previous.incarnation == entry.incarnation,
      previous.change == entry.change, previous.mapping.path == entry.mapping.path,
      previous.mapping.protection == entry.mapping.protection,
      previous.mapping.range.upperBound == entry.mapping.range.lowerBound
    {
      entries[entries.count - 1].mapping.range =
        previous.mapping.range.lowerBound..<entry.mapping.range.upperBound
    } else {
      entries.append(entry)
    }
  }
}

extension MapLog.Entry: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    let what =
      switch change {
      case .map: "map     \(Self.letters(mapping.protection))"
      case .unmap: "unmap   \(Self.letters(mapping.protection))"
      case .protect(let old):
        "protect \(Self.letters(mapping.protection)) (was \(Self.letters(old)))"
      }
    let range = "\(mapping.range.lowerBound)-\(mapping.range.upperBound)"
    let path = mapping.path.isEmpty ? "" : " \(mapping.path)"
    return "\(incarnation.number) \(what) \(range)\(path)"
  }

  private static func letters(_ protection: Int32) -> String {
    (protection & 1 != 0 ? "r" : "-") + (protection & 2 != 0 ? "w" : "-")
      + (protection & 4 != 0 ? "x" : "-")
  }
}
