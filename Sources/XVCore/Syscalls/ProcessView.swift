// SPDX-License-Identifier: GPL-3.0-only

/// Files of /proc/PID in which the kernel shows xv, and what they say natively.
enum ProcessView: String {
  case maps, smaps
  case numaMaps = "numa_maps"
  case status, stat, statm, limits

  /// What is taken off, or put back.
  struct Differences {
    /// Original code as the program asked for it, where guard mode has taken PROT_EXEC; else empty.
    var guarded: [ExecutableRanges.Area] = []
    /// Whether the thread shown is the one that reads.
    var isReader = false
    /// What xv has mapped.
    var ownBytes: UInt64 = 0
    /// The part of it that is executable.
    var ownCode: UInt64 = 0
    var addressLimit: AddressLimit? = nil
  }

  func native(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    switch self {
    case .maps, .smaps, .numaMaps: mappings(text, differences)
    case .status: status(text, differences)
    case .stat: stat(text, differences)
    case .statm: statm(text, differences)
    case .limits: limits(text, differences)
    }
  }

  private static let newline = UInt8(ascii: "\n")

  private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    text.split(separator: newline)
  }

  // MARK: Lists of mappings

  private func mappings(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(text.count)
    var isOwn = false
    for line in ProcessView.lines(text) {
      let begins = !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(line.first ?? 0)
      if begins { isOwn = ProcessView.isOwn(line) }
      if isOwn { continue }
      if self == .smaps, line.starts(with: Array("VmFlags:".utf8)) {
        kept += ProcessView.untrusted(line) + [ProcessView.newline]
      } else if begins, self == .maps, !differences.guarded.isEmpty {
        kept += ProcessView.unguarded(line, differences.guarded)
      } else {
        kept += line + [ProcessView.newline]
      }
    }
    return kept
  }

  static func isOwn(_ line: ArraySlice<UInt8>) -> Bool {
    let name = Array("/memfd:xv\\040(deleted)".utf8)  // numa_maps escapes the blank
    let plain = Array("/memfd:xv (deleted)".utf8)
    return ends(line, plain) || line.indices.contains { line[$0...].starts(with: name) }
  }

  /// The kernel's mark of a mapping with trusted pages (fs/proc/task_mmu.c, `uw`) is xv's doing.
  private static func untrusted(_ line: ArraySlice<UInt8>) -> [UInt8] {
    Array(String(decoding: line, as: UTF8.self).replacing(" uw", with: "").utf8)
  }

  private static func ends(_ line: ArraySlice<UInt8>, _ end: [UInt8]) -> Bool {
    line.count >= end.count && line.suffix(end.count).elementsEqual(end)
  }

  /// A line of maps in the pieces, and with the permissions, that the program's own calls made.
  private static func unguarded(
    _ line: ArraySlice<UInt8>, _ areas: [ExecutableRanges.Area]
  ) -> [UInt8] {
    guard let map = AddressMap.parse(line),
      areas.contains(where: { $0.range.overlaps(map.range) })
    else { return line + [newline] }
    var pieces: [(range: Range<UInt64>, protection: Int32)] = []
    func add(_ range: Range<UInt64>, _ protection: Int32) {
      guard !range.isEmpty else { return }
      if let last = pieces.last, last.protection == protection {
        pieces[pieces.count - 1].range = last.range.lowerBound..<range.upperBound
      } else {
        pieces.append((range, protection))
      }
    }
    var place = map.range.lowerBound
    for area in areas where area.range.overlaps(map.range) {
      let part = area.range.clamped(to: map.range)
      add(place..<part.lowerBound, map.protection)
      add(part, area.protection)
      place = part.upperBound
    }
    add(place..<map.range.upperBound, map.protection)
    return pieces.flatMap { piece($0.range, $0.protection, of: map, line) }
  }

  /// `start-end rwxp offset dev inode   path`: the columns stay where the kernel puts them.
  private static func piece(
    _ range: Range<UInt64>, _ protection: Int32, of map: AddressMap.Line, _ line: ArraySlice<UInt8>
  ) -> [UInt8] {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    let offset = UInt64(String(decoding: fields[2], as: UTF8.self), radix: 16) ?? 0
    let hasFile = map.inode != 0
    let shown = hasFile ? offset &+ (range.lowerBound &- map.range.lowerBound) : 0
    let permissions =
      (protection & 1 != 0 ? "r" : "-") + (protection & 2 != 0 ? "w" : "-")
      + (protection & 4 != 0 ? "x" : "-") + (map.isShared ? "s" : "p")
    var text =
      hex(range.lowerBound, 8) + "-" + hex(range.upperBound, 8) + " " + permissions + " "
      + hex(shown, 8)
    for field in fields[3...4] { text += " " + String(decoding: field, as: UTF8.self) }
    if !map.path.isEmpty {
      text += String(repeating: " ", count: max(1, 73 - text.utf8.count)) + map.path
    } else {
      text += " "
    }
    return Array(text.utf8) + [newline]
  }

  private static func hex(_ value: UInt64, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  // MARK: Sizes and state

  private func status(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    var result = ""
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      switch line.prefix(while: { $0 != ":" }) {
      case "TracerPid": result += "TracerPid:\t0\n"
      case "State" where differences.isReader: result += "State:\tR (running)\n"
      case "VmPeak", "VmSize": result += ProcessView.lessened(line, by: differences.ownBytes) + "\n"
      case "VmLib": result += ProcessView.lessened(line, by: differences.ownCode) + "\n"
      default: result += line + "\n"
      }
    }
    return Array(result.utf8)
  }

  /// `VmSize:     2464 kB`
  private static func lessened(_ line: Substring, by bytes: UInt64) -> String {
    guard let colon = line.firstIndex(of: ":") else { return String(line) }
    let words = line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }
    guard let size = words.first.flatMap({ UInt64($0) }) else { return String(line) }
    let number = String(size - min(size, bytes >> 10))
    let blanks = String(repeating: " ", count: max(0, 8 - number.utf8.count))
    return "\(line[...colon])\t\(blanks)\(number) kB"
  }

  /// proc_pid_stat(5): the state is the first word behind the name in brackets, vsize the 21st.
  private func stat(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    guard let bracket = text.lastIndex(of: UInt8(ascii: ")")) else { return text }
    var words = String(decoding: text[(bracket + 1)...], as: UTF8.self).split(separator: " ")
      .map(String.init)
    guard words.count > 20, let size = UInt64(words[20]) else { return text }
    if differences.isReader { words[0] = "R" }
    words[20] = String(size - min(size, differences.ownBytes))
    return text[...bracket] + Array((" " + words.joined(separator: " ")).utf8)
  }

  /// The first word is the size in pages.
  private func statm(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    var words = String(decoding: text, as: UTF8.self).split(separator: " ").map(String.init)
    guard let size = words.first.flatMap({ UInt64($0) }) else { return text }
    words[0] = String(size - min(size, differences.ownBytes >> 12))
    return Array(words.joined(separator: " ").utf8)
  }

  /// `Max address space         unlimited            unlimited            bytes     `
  private func limits(_ text: [UInt8], _ differences: Differences) -> [UInt8] {
    guard let limit = differences.addressLimit else { return text }
    func column(_ value: UInt64) -> String {
      let word = value == AddressLimit.unlimited ? "unlimited" : String(value)
      return word + String(repeating: " ", count: max(0, 20 - word.utf8.count)) + " "
    }
    let name = "Max address space         "
    var result = ""
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      result +=
        line.hasPrefix(name)
        ? name + column(limit.soft) + column(limit.hard) + "bytes     \n" : line + "\n"
    }
    return Array(result.utf8)
  }
}
