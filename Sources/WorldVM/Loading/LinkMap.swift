// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// The dynamic linker's list of what it loaded (struct r_debug and link_map of <link.h>).
///
/// It stands in the program's memory, which the program may have scribbled over: nothing of it is
/// trusted, no walk is endless, and what cannot be read ends the list.
struct LinkMap {
  struct Entry {
    var address: Address
    var base: Address
    var name: String
    var dynamicSection: Address
    /// The r_debug of the entry's namespace.
    var namespace: Address
  }

  private static let longestList = 65536
  private static let longestName = 4096
  private static let debugTag: UInt64 = 21

  var entries: [Entry] = []

  /// Walks from a program's dynamic section; empty while the dynamic linker has not filled DT_DEBUG.
  init(dynamicSection: Address, size: Int, in memory: some ReadableMemory) throws(WorldError) {
    guard
      var debug = try Self.find(Self.debugTag, in: dynamicSection, size: size, memory),
      debug.rawValue != 0
    else { return }
    var visited: Set<Address> = []
    // r_version 2 and later: a chain of r_debug, one for each namespace that dlmopen made.
    while debug.rawValue != 0, visited.insert(debug).inserted {
      guard let head = try Self.available(debug, count: 16, in: memory) else { return }
      try walk(from: Address(head.word(at: 8)), namespace: debug, &visited, in: memory)
      let version: Int32 = head.field(at: 0)
      guard version >= 2, let next = try Self.available(debug + 40, count: 8, in: memory) else {
        return
      }
      debug = Address(next.word(at: 0))
    }
  }

  private mutating func walk(
    from first: Address, namespace: Address, _ visited: inout Set<Address>,
    in memory: some ReadableMemory
  ) throws(WorldError) {
    var address = first
    while address.rawValue != 0, entries.count < Self.longestList,
      visited.insert(address).inserted,
      let fields = try Self.available(address, count: 32, in: memory)
    {
      let name = try memory.readString(Address(fields.word(at: 8)), limit: Self.longestName)
      entries.append(
        Entry(
          address: address, base: Address(fields.word(at: 0)), name: name,
          dynamicSection: Address(fields.word(at: 16)), namespace: namespace))
      address = Address(fields.word(at: 24))
    }
  }

  /// The value of a tag of a dynamic section.
  private static func find(
    _ tag: UInt64, in section: Address, size: Int, _ memory: some ReadableMemory
  ) throws(WorldError) -> Address? {
    let bytes = try memory.readAvailable(from: section, count: size)
    for start in stride(from: 0, through: bytes.count - 16, by: 16) {
      let found = bytes.word(at: start)
      if found == tag { return Address(bytes.word(at: start + 8)) }
      if found == 0 { break }
    }
    return nil
  }

  private static func available(
    _ address: Address, count: Int, in memory: some ReadableMemory
  ) throws(WorldError) -> [UInt8]? {
    let bytes = try memory.readAvailable(from: address, count: count)
    return bytes.count == count ? bytes : nil
  }
}
