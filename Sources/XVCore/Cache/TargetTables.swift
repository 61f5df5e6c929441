// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// The process's indirect targets by address: what a lookup in a fragment reads.
///
/// A window of 4 GiB of original addresses has a table for returns and one for jumps, with eight bytes
/// for each of its bytes: where the code's translation is entered, or 0. Nearly all of it is never
/// touched and takes no memory. So a lookup compares nothing, and needs neither flags nor a third
/// register; the upper half of an address finds the table, the lower half the entry
/// (docs/architecture.md, "Indirect branches").
///
/// The gate fills entries from the master tables, of which these hold no more than copies. The server
/// empties them: one by one when code dies, all at once when all code is discarded. Windows stay open:
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

  /// No lookup finds this target any more.
  mutating func forget(_ original: UInt64, _ kind: Kind) {
    guard let window = windows.firstIndex(of: Int(original >> UInt64(RegionLayout.windowBits)))
    else { return }
    let low = Int(original & (1 << UInt64(RegionLayout.windowBits) - 1))
    let offset = (2 * window + kind.rawValue) * RegionLayout.tableSize + low * 8
    guard let piece = piece(at: offset & ~(TargetTables.pieceSize - 1)) else {
      // Not to be had in pieces; the gate fills them again.
      return removeAll()
    }
    let entry = piece + offset & (TargetTables.pieceSize - 1)
    xv_store64(entry.assumingMemoryBound(to: UInt64.self), 0)
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

  /// Empties all tables and gives their memory back.
  func removeAll() {
    guard !windows.isEmpty else { return }
    let punchHole: Int32 = 2
    let keepSize: Int32 = 1
    let status = fallocate(
      descriptor, punchHole | keepSize, RegionLayout.tablesOffset,
      2 * windows.count * RegionLayout.tableSize)
    precondition(status == 0, "a memfd has holes")
  }
}
