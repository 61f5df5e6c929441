// SPDX-License-Identifier: GPL-3.0-only

/// The kernel's lists of a process's mappings, without the server's own: what a debugger is shown, and
/// dumps into a core file, is what the program has natively.
package enum ProcessMapping {
  /// How the lines of the server's mappings are named.
  private static let ownName: [UInt8] = Array("/memfd:xv".utf8)
  private static let newline = UInt8(ascii: "\n")

  /// Whether a path names such a list.
  package static func isList(_ path: [UInt8]) -> Bool {
    let parts = path.split(separator: UInt8(ascii: "/"))
    guard parts.count >= 3, parts[0].elementsEqual("proc".utf8), let last = parts.last else {
      return false
    }
    return ["maps", "smaps", "numa_maps"].contains { last.elementsEqual($0.utf8) }
  }

  /// The list without the server's mappings, and without the lines about them that follow in smaps.
  package static func withoutOwn(_ list: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(list.count)
    var isOwn = false
    for line in list.split(separator: newline, omittingEmptySubsequences: false).dropLast() {
      if beginsMapping(line) { isOwn = contains(line, ownName) }
      if !isOwn {
        kept.append(contentsOf: line)
        kept.append(newline)
      }
    }
    return kept
  }

  /// A mapping's own line begins with its address; those about it begin with a capital letter.
  private static func beginsMapping(_ line: ArraySlice<UInt8>) -> Bool {
    guard let first = line.first else { return false }
    return !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
  }

  private static func contains(_ line: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
    line.indices.contains { line[$0...].starts(with: name) }
  }
}
