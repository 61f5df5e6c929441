// SPDX-License-Identifier: GPL-3.0-only

/// Memory whose accesses stop the guest.
package struct Watchpoint: Hashable, Sendable {
  /// Which accesses count. The processor cannot watch for reads alone: `read` sees writes too.
  package enum Kind: Hashable, Sendable { case write, read, access }

  package var kind: Kind
  package var address: OriginalAddress
  package var length: UInt64

  /// As many as there can be of one process: a bound to what a client can make the server keep.
  package static let most = 0x1_0000

  package init(_ kind: Kind, at address: OriginalAddress, length: UInt64) {
    self.kind = kind
    self.address = address
    self.length = length
  }
}

/// An access that met a watchpoint. `address` is what was watched there, not where the access began.
package struct WatchHit: Hashable, Sendable {
  package var kind: Watchpoint.Kind
  package var address: OriginalAddress

  package init(_ kind: Watchpoint.Kind, at address: OriginalAddress) {
    self.kind = kind
    self.address = address
  }
}

/// The watchpoints that are set, and what sees them: debug registers as long as they suffice, checks in
/// the fragments for the others.
struct WatchpointSet {
  /// Those in debug registers.
  private var watchpoints: Set<Watchpoint> = []
  private(set) var registers = DebugRegisters()
  private(set) var checked: Set<Watchpoint> = []

  /// False, and nothing has changed, when there are too many, or it is no memory.
  mutating func insert(_ watchpoint: Watchpoint, mayUseRegisters: Bool = true) -> Bool {
    let first = watchpoint.address.rawValue
    guard watchpoint.length > 0, first &+ (watchpoint.length - 1) >= first else { return false }
    if watchpoints.contains(watchpoint) || checked.contains(watchpoint) { return true }
    guard watchpoints.count + checked.count < Watchpoint.most else { return false }
    if mayUseRegisters, let wanted = registersWith(watchpoint) {
      registers = wanted
      watchpoints.insert(watchpoint)
    } else {
      checked.insert(watchpoint)
    }
    return true
  }

  private func registersWith(_ watchpoint: Watchpoint) -> DebugRegisters? {
    guard let pieces = DebugRegisters.pieces(of: watchpoint) else { return nil }
    var wanted = registers
    for piece in pieces where !wanted.add(piece) { return nil }
    return wanted
  }

  mutating func remove(_ watchpoint: Watchpoint) -> Bool {
    if checked.remove(watchpoint) != nil { return true }
    guard watchpoints.remove(watchpoint) != nil else { return false }
    // Two watchpoints may share a register.
    let needed = Set(watchpoints.flatMap { DebugRegisters.pieces(of: $0) ?? [] })
    registers.keep(needed)
    return true
  }

  /// What to tell about the registers that an access has met (bits as in DR6).
  func hit(_ met: UInt8) -> WatchHit? {
    // Of several the last one counts, as for gdbserver.
    guard let index = (0..<DebugRegisters.count).last(where: { met >> UInt8($0) & 1 != 0 }),
      let piece = registers[index]
    else { return nil }
    let watched = watchpoints.filter { DebugRegisters.pieces(of: $0)?.contains(piece) == true }
    guard let first = watched.first else { return nil }
    let kind = watched.contains { $0.kind == .access } ? .access : first.kind
    return WatchHit(kind, at: OriginalAddress(piece.address))
  }

  /// What to tell about accesses that debug registers need not have seen. A read of what is written, too,
  /// counts as a write.
  func hit(_ accesses: [MemoryAccess]) -> WatchHit? {
    for access in accesses {
      let met = checked.filter { ($0.kind != .write || access.isWrite) && access.overlaps($0) }
      guard let first = met.min(by: { $0.address.rawValue < $1.address.rawValue }) else { continue }
      let kind = met.contains { $0.kind == .access } ? .access : first.kind
      return WatchHit(
        kind, at: OriginalAddress(max(access.address, first.address.rawValue)))
    }
    return nil
  }

  /// Whether what was hit is watched still.
  func watches(_ hit: WatchHit) -> Bool {
    (0..<DebugRegisters.count).contains { registers[$0]?.address == hit.address.rawValue }
      || checked.contains {
        hit.address.rawValue >= $0.address.rawValue
          && hit.address.rawValue - $0.address.rawValue < $0.length
      }
  }
}
