// SPDX-License-Identifier: GPL-3.0-only
package import XVCore

/// The mappings in the text of a /proc/PID/maps, on whatever machine it was written.
package enum MappingList {
  package static func mappings(_ text: [UInt8]) -> [MemoryMapping] {
    text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(
        separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: true)
      guard fields.count >= 5, fields[1].count >= 4 else { return nil }
      let ends = String(decoding: fields[0], as: UTF8.self).split(separator: "-")
      guard ends.count == 2, let start = UInt64(ends[0], radix: 16),
        let end = UInt64(ends[1], radix: 16), start < end
      else { return nil }
      let letters = Array(fields[1])
      let protection: Int32 =
        (letters[0] == UInt8(ascii: "r") ? 1 : 0) | (letters[1] == UInt8(ascii: "w") ? 2 : 0)
        | (letters[2] == UInt8(ascii: "x") ? 4 : 0)
      let path = fields.count > 5 ? fields[5].drop { $0 == UInt8(ascii: " ") } : []
      return MemoryMapping(
        range: Address(start)..<Address(end), protection: protection,
        isShared: letters[3] == UInt8(ascii: "s"), path: String(decoding: path, as: UTF8.self))
    }
  }
}
