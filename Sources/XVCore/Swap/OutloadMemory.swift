// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// A program's mappings and what they hold, on their way to disk.
struct OutloadMemory {
  let process: Int32
  private let lines: [SmapsLine]

  /// `scratch` and `ownRanges` are xv's and not the program's.
  init(process: Int32, without scratch: UInt64, ownRanges: [Range<UInt64>]) {
    self.process = process
    lines = SmapsLine.all(of: process).flatMap { line -> [SmapsLine] in
      if line.map.path.hasPrefix("/memfd:xv ") || line.map.path == "[vsyscall]"
        || ownRanges.contains(where: { $0.overlaps(line.map.range) })
      {
        return []
      }
      // The kernel may have joined the scratch page with a neighbour.
      guard line.map.range.contains(scratch) else { return [line] }
      var pieces: [SmapsLine] = []
      for range in [line.map.range.lowerBound..<scratch, scratch + 0x1000..<line.map.range.upperBound]
      where !range.isEmpty {
        var piece = line
        piece.map.range = range
        pieces.append(piece)
      }
      return pieces
    }
  }

  // MARK: Mappings

  func describe(_ record: inout SwapRecord, _ reasons: inout OutloadObstacles) {
    var sharedMemory: Set<UInt64> = []
    for line in lines {
      guard var mapping = mapping(line, &reasons) else { continue }
      switch mapping.kind {
      case .privateFile:
        mapping.checksum = SwapFiles.checksum(mapping.path, mapping.offset, mapping.range.count)
        mapping.buildID = BuildID.of(mapping.path)
      case .sharedAnonymous:
        if !sharedMemory.insert(line.map.inode).inserted {
          reasons.add("shared memory is mapped at several places, one at \(OriginalAddress(mapping.range.lowerBound))")
        }
      default: break
      }
      record.mappings.append(mapping)
    }
  }

  private func mapping(_ line: SmapsLine, _ reasons: inout OutloadObstacles) -> SwapMapping? {
    let map = line.map
    func told(_ kind: SwapMapping.Kind) -> SwapMapping {
      var mapping = SwapMapping(
        range: map.range, protection: UInt64(map.protection), kind: kind, flags: line.flags)
      mapping.path = map.path
      mapping.offset = map.offset
      return mapping
    }
    if map.path.hasPrefix("[vvar") || map.path == "[vdso]" {
      if line.isSealed { reasons.add("the kernel has sealed the vdso, so that nobody can move it") }
      return told(.special)
    }
    let deleted = " (deleted)"
    if map.isShared, map.path == "/dev/zero" + deleted || map.path.hasPrefix("[anon_shmem:") {
      return told(.sharedAnonymous)
    }
    if map.path.isEmpty || map.path.hasPrefix("[") { return told(.anonymous) }
    if map.path.hasPrefix("/SYSV") {
      reasons.add("it has System V shared memory at \(OriginalAddress(map.range.lowerBound))")
      return nil
    }
    var status = stat()
    guard stat(map.path, &status) == 0, UInt64(status.st_ino) == map.inode else {
      reasons.add("a file that it has mapped, \(map.path), was deleted or replaced")
      return nil
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      reasons.add("it has mapped the device \(map.path)")
      return nil
    }
    return told(map.isShared ? .sharedFile : .privateFile)
  }

  // MARK: Contents

  /// Which pages of a mapping have to be in the image.
  private func saved(_ mapping: SwapMapping) -> [Range<UInt64>] {
    switch mapping.kind {
    case .sharedFile: return []
    case .special: return mapping.path == "[vdso]" ? [mapping.range] : []
    case .sharedAnonymous: return [mapping.range]
    // So that a debugger can write there.
    case .privateFile where mapping.protection & 2 != 0: return [mapping.range]
    case .privateFile, .anonymous: return PageMap(process: process).ownPages(of: mapping.range)
    }
  }

  /// Returns the image's size on disk.
  func write(
    _ notes: SwapNotes, to path: String, isCompressed: Bool
  ) throws(GuestError) -> UInt64 {
    let memory = xv_open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC, 0)
    guard memory >= 0 else { throw .system(call: "open(mem)", errno: -memory) }
    defer { close(memory) }
    let pages = notes.record.mappings.map { saved($0) }
    let writer = ImageWriter(path: path, isCompressed: isCompressed)
    do throws(SwapDamage) {
      return try writer.write(notes, pages) { range in
        // What cannot be read (behind the end of a file) is taken for zeros.
        let block = SwapImage.bytes(memory, range.lowerBound, range.count)
        return block + [UInt8](repeating: 0, count: range.count - block.count)
      }
    } catch {
      throw .cannotOutload(error.why)
    }
  }
}

/// A mapping in /proc/PID/smaps.
struct SmapsLine {
  var map: AddressMap.Line
  var flags: SwapMapping.Flags = []
  /// mseal(2).
  var isSealed = false

  static func all(of process: Int32) -> [SmapsLine] {
    var found: [SmapsLine] = []
    let text = AddressMap.contents(of: "/proc/\(process)/smaps") ?? []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: "VmFlags:".utf8) {
        guard let last = found.indices.last else { continue }
        for word in String(decoding: line.dropFirst(8), as: UTF8.self).split(separator: " ") {
          if let flag = SwapMapping.Flags.names[String(word)] { found[last].flags.insert(flag) }
          if word == "sl" { found[last].isSealed = true }
        }
      } else if let first = line.first, first < UInt8(ascii: "A"), let map = AddressMap.parse(line) {
        found.append(SmapsLine(map: map))
      } else if let first = line.first, first >= UInt8(ascii: "a"), let map = AddressMap.parse(line) {
        found.append(SmapsLine(map: map))
      }
    }
    return found
  }
}
