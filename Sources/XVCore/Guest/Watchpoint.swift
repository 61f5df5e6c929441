// SPDX-License-Identifier: GPL-3.0-only

/// Memory whose accesses stop the guest.
package struct Watchpoint: Hashable, Sendable {
  /// Which accesses count. The processor cannot watch for reads alone: `read` sees writes too.
  package enum Kind: Hashable, Sendable { case write, read, access }

  package var kind: Kind
  package var address: OriginalAddress
  package var length: UInt64

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

/// The watchpoints that are set, and the debug registers that see them.
struct WatchpointSet {
  private var watchpoints: Set<Watchpoint> = []
  private(set) var registers = DebugRegisters()

  var isEmpty: Bool { watchpoints.isEmpty }

  /// False, and nothing has changed, when there are not enough registers.
  mutating func insert(_ watchpoint: Watchpoint) -> Bool {
    guard let pieces = DebugRegisters.pieces(of: watchpoint) else { return false }
    var wanted = registers
    for piece in pieces where !wanted.add(piece) { return false }
    registers = wanted
    watchpoints.insert(watchpoint)
    return true
  }

  mutating func remove(_ watchpoint: Watchpoint) -> Bool {
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

  /// Whether what was hit is watched still.
  func watches(_ hit: WatchHit) -> Bool {
    (0..<DebugRegisters.count).contains { registers[$0]?.address == hit.address.rawValue }
  }
}
