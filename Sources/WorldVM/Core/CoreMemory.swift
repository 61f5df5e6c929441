// SPDX-License-Identifier: GPL-3.0-only
import Glibc
import Synchronization
internal import XVCore

/// The memory in a core file, and, for pages that were not written because they stand in a file, in
/// that file if it is here and still the same.
final class CoreMemory: MemorySource {
  private let core: CoreFile
  private let files: [CoreNotes.File]
  /// Open files by path; nil when there is none that fits.
  private let opened = Mutex<[String: Int32?]>([:])

  init(core: CoreFile, files: [CoreNotes.File]) {
    self.core = core
    self.files = files.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  deinit { opened.withLock { for case let number? in $0.values { close(number) } } }

  func readMemory(at address: Address, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let position = address.rawValue &+ UInt64(bytes.count)
      let piece = piece(at: position, count - bytes.count)
      if piece.isEmpty { break }
      bytes += piece
    }
    return bytes
  }

  /// A core file is never written to.
  func writeMemory(_ bytes: [UInt8], at address: Address) throws(WorldError) -> Int {
    throw .refused("a core file is not written to")
  }

  private func piece(at position: UInt64, _ count: Int) -> [UInt8] {
    guard let load = load(holding: position) else { return file(at: position, count) }
    let offset = position - load.address
    if offset < load.fileSize {
      return core.bytes(
        at: load.fileOffset &+ offset, count: Int(min(UInt64(count), load.fileSize - offset)))
    }
    let rest = Int(min(UInt64(count), load.memorySize - offset))
    let known = file(at: position, rest)
    if !known.isEmpty { return known }
    // Memory of no file that was not written is zero, or was left out on purpose: nobody knows.
    return []
  }

  private func load(holding position: UInt64) -> CoreFile.Load? {
    var low = 0
    var high = core.loads.count
    while low < high {
      let middle = (low + high) / 2
      if core.loads[middle].address <= position { low = middle + 1 } else { high = middle }
    }
    guard low > 0, position - core.loads[low - 1].address < core.loads[low - 1].memorySize else {
      return nil
    }
    return core.loads[low - 1]
  }

  private func file(at position: UInt64, _ count: Int) -> [UInt8] {
    guard let file = files.first(where: { $0.range.contains(position) }),
      let descriptor = descriptor(of: file.path)
    else { return [] }
    let rest = Int(min(UInt64(count), file.range.upperBound - position))
    var bytes = readFile(descriptor, file.offset &+ (position - file.range.lowerBound), rest)
    // What is mapped behind the file's end in its last page is zero.
    let used = position &+ UInt64(bytes.count)
    if !bytes.isEmpty, bytes.count < rest {
      let pad = min(rest - bytes.count, Int((4096 - used % 4096) % 4096))
      bytes += [UInt8](repeating: 0, count: pad)
    }
    return bytes
  }

  private func descriptor(of path: String) -> Int32? {
    opened.withLock { opened in
      if let known = opened[path] { return known }
      let number = open(path, O_RDONLY | O_CLOEXEC)
      let fits = number >= 0 && isSame(number, path)
      if number >= 0, !fits { close(number) }
      opened[path] = .some(fits ? number : nil)
      return fits ? number : nil
    }
  }

  /// Whether the file is the one that was mapped: its head, which the kernel writes for ELF files, has
  /// its build id. Of others nothing is known, and the file is believed.
  private func isSame(_ number: Int32, _ path: String) -> Bool {
    guard let first = files.first(where: { $0.path == path && $0.offset == 0 }),
      let load = load(holding: first.range.lowerBound), load.fileSize > 0
    else { return true }
    let count = Int(min(4096, load.fileSize, first.range.upperBound - first.range.lowerBound))
    let written = core.bytes(
      at: load.fileOffset &+ (first.range.lowerBound - load.address), count: count)
    return written.starts(with: [0x7F, 0x45, 0x4C, 0x46])
      ? readFile(number, 0, count) == written : true
  }
}
