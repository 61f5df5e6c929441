// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The process's indirect targets by address: what a lookup in a fragment reads.
///
/// A window of 4 GiB of original addresses has a table for returns and one for jumps. Two bytes for each of its
/// addresses say which *number* the address has as a target, or 0; for each number, eight bytes say where the
/// code's translation is entered, or 0. So a lookup compares nothing, and needs neither flags nor a third
/// register; the upper half of an address finds the table, the lower half the number
/// (docs/architecture.md, "Indirect branches"). Nearly all of a table is never touched and takes no memory;
/// what is touched is a quarter of what eight bytes for each address would be, and each page of it costs a
/// fault, a place in the processor's buffers of translations, and on a virtual machine a long walk where there is none.
///
/// The gate fills entries from the master tables, of which these hold no more than copies, and gives out the
/// numbers. An address keeps its number until all are taken back, which needs that no thread is inside a lookup.
/// The server empties targets when code dies. When all numbers are given out the gate answers what has none. Windows stay open:
/// a thread may be anywhere inside a lookup.
struct TargetTables: ~Copyable {
  enum Kind: Int {
    case returns
    case jumps
  }

  /// The region's file.
  private let descriptor: Int32
  /// The upper halves of the addresses in each window.
  private(set) var windows: [Int] = []
  /// Parts of the tables that the server has mapped to empty entries, by their offsets.
  private var pieces: [Int: UnsafeMutableRawPointer] = [:]
  /// Targets forgotten since the tables were empty.
  private var forgotten = 0
  private static let pieceSize = 0x400_0000
  private static let mostPieces = 64

  /// `descriptor` stays open as long as this lives.
  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit {
    for piece in pieces.values { munmap(piece, TargetTables.pieceSize) }
  }

  /// What a thread adds to find a table, from the place that `ContextLayout.tables` names.
  static func displacement(of window: Int, _ kind: Kind, context index: Int) -> UInt64 {
    let table = 2 * window + kind.rawValue
    return UInt64(
      RegionLayout.defaultSize + table * RegionLayout.tableSize
        - index * RegionLayout.contextStride)
  }

  /// Gives the window of an address tables of its own. Its number, when it had none before; without
  /// one (there are too many), lookups go on through the gate.
  mutating func open(windowOf original: UInt64) -> Int? {
    let window = Int(original >> UInt64(RegionLayout.windowBits))
    guard !windows.contains(window), windows.count < RegionLayout.maximumWindows,
      window < ContextLayout.windowEntries
    else { return nil }
    windows.append(window)
    return windows.count - 1
  }

  /// No lookup finds this target any more. It is gone from the master table.
  mutating func forget(_ original: UInt64, _ kind: Kind) {
    guard let window = windows.firstIndex(of: Int(original >> UInt64(RegionLayout.windowBits)))
    else { return }
    // Before the number is read: see `Gate.buildFill`.
    xv_full_barrier()
    let low = Int(original & (1 << UInt64(RegionLayout.windowBits) - 1))
    let numbers =
      (2 * window + kind.rawValue) * RegionLayout.tableSize + RegionLayout.tableNumbers
    let targets = numbers - RegionLayout.tableTargets * 8
    guard let entry = place(at: numbers + low * 2) else { return punch(targets..<numbers) }
    let number = Int(entry.load(as: UInt16.self))
    guard number != 0 else { return }
    guard let target = place(at: targets + number * 8) else { return punch(targets..<numbers) }
    let word = target.assumingMemoryBound(to: UInt64.self)
    // Who recovers a thread in a lookup asks for the same one again.
    guard word.pointee != 0 else { return }
    xv_store64(word, 0)
    forgotten += 1
  }

  private mutating func place(at offset: Int) -> UnsafeMutableRawPointer? {
    piece(at: offset & ~(TargetTables.pieceSize - 1)).map {
      $0 + offset & (TargetTables.pieceSize - 1)
    }
  }

  private mutating func piece(at offset: Int) -> UnsafeMutableRawPointer? {
    if let piece = pieces[offset] { return piece }
    if pieces.count == TargetTables.mostPieces {
      for piece in pieces.values { munmap(piece, TargetTables.pieceSize) }
      pieces.removeAll()
    }
    let piece = mmap(
      nil, TargetTables.pieceSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor,
      RegionLayout.tablesOffset + offset)
    guard let piece, piece != MAP_FAILED else { return nil }
    pieces[offset] = piece
    return piece
  }

  /// So many targets are forgotten that it is time to take the numbers back (`removeAll`).
  var isWornOut: Bool { forgotten > RegionLayout.tableTargets / 4 }

  /// Empties all tables and gives their memory and numbers back. No thread is inside a lookup.
  mutating func removeAll() {
    forgotten = 0
    guard !windows.isEmpty else { return }
    punch(0..<(2 * windows.count * RegionLayout.tableSize))
  }

  private func punch(_ range: Range<Int>) {
    let punchHole: Int32 = 2
    let keepSize: Int32 = 1
    let status = fallocate(
      descriptor, punchHole | keepSize, RegionLayout.tablesOffset + range.lowerBound, range.count)
    precondition(status == 0, "a memfd has holes")
  }
}
