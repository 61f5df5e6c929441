// SPDX-License-Identifier: GPL-3.0-only

/// Memory whose accesses stop the guest.
public struct Watchpoint: Hashable, Sendable {
  /// Which accesses count. What reads and writes in one instruction counts as both.
  public enum Kind: Hashable, Sendable { case write, read, access }

  public var kind: Kind
  public var address: OriginalAddress
  public var length: UInt64

  /// As many as there can be of one process: a bound to what a client can make the server keep.
  public static let most = 0x1_0000

  public init(_ kind: Kind, at address: OriginalAddress, length: UInt64) {
    self.kind = kind
    self.address = address
    self.length = length
  }

  func contains(_ place: OriginalAddress) -> Bool {
    place.rawValue >= address.rawValue && place.rawValue - address.rawValue < length
  }

  fileprivate func isTold(by hits: [WatchHit]) -> Bool {
    hits.contains { contains($0.address) }
  }
}

/// An access that met a watchpoint. `address` is what was watched there, not where the access began.
public struct WatchHit: Hashable, Sendable {
  public var kind: Watchpoint.Kind
  public var address: OriginalAddress
  /// What it met of other watchpoints, told one after the other: a debugger looks only at those in which the
  /// address lies.
  var others: [WatchHit] = []

  public init(_ kind: Watchpoint.Kind, at address: OriginalAddress) {
    self.kind = kind
    self.address = address
  }

  /// Several as one; nil for none.
  init?(_ hits: [WatchHit]) {
    guard var first = hits.first else { return nil }
    first.others = Array(hits.dropFirst())
    self = first
  }

  /// What is to be told after this one.
  var next: WatchHit? { WatchHit(others) }
}

/// The watchpoints that are set, and what sees them: debug registers as long as they suffice, checks in
/// the fragments for the others.
struct WatchpointSet {
  /// Those in debug registers.
  private var watchpoints: Set<Watchpoint> = []
  private(set) var registers = DebugRegisters()
  private(set) var checked: Set<Watchpoint> = []
  /// Some watchpoint in a debug register is for reads.
  var areReadsWatched: Bool { watchpoints.contains { $0.kind != .write } }

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

  /// What to tell about the registers that an access has met (bits as in DR6). The processor cannot watch
  /// for reads alone: `hasRead` tells whether the access was one.
  func hit(_ met: UInt8, hasRead: (DebugRegisters.Piece) -> Bool) -> WatchHit? {
    var hits: [WatchHit] = []
    // Of several the last one comes first, which is the one that gdbserver tells.
    for index in (0..<DebugRegisters.count).reversed() where met >> UInt8(index) & 1 != 0 {
      guard let piece = registers[index] else { continue }
      let watched = watchpoints.filter { DebugRegisters.pieces(of: $0)?.contains(piece) == true }
      if watched.allSatisfy({ $0.isTold(by: hits) }) { continue }
      guard let kind = told(watched) ?? (hasRead(piece) ? .read : nil) else { continue }
      hits.append(WatchHit(kind, at: OriginalAddress(piece.address)))
    }
    return WatchHit(hits)
  }

  /// What to tell about accesses that debug registers need not have seen.
  func hit(_ accesses: [MemoryAccess]) -> WatchHit? {
    var hits: [WatchHit] = []
    for access in accesses {
      let met = checked.filter { access.counts(for: $0.kind) && access.overlaps($0) }
      for watchpoint in met.sorted(by: { $0.address.rawValue < $1.address.rawValue })
      where !watchpoint.isTold(by: hits) {
        let address = OriginalAddress(max(access.address, watchpoint.address.rawValue))
        hits.append(WatchHit(told(met.filter { $0.contains(address) }) ?? .read, at: address))
      }
    }
    return WatchHit(hits)
  }

  /// The kind that is told of several that were met; nil when only reads were watched for.
  private func told(_ met: Set<Watchpoint>) -> Watchpoint.Kind? {
    if met.contains(where: { $0.kind == .access }) { return .access }
    return met.contains { $0.kind == .write } ? .write : nil
  }

  /// Whether what was hit is watched still.
  func watches(_ hit: WatchHit) -> Bool {
    (0..<DebugRegisters.count).contains { registers[$0]?.address == hit.address.rawValue }
      || checked.contains { $0.contains(hit.address) }
  }
}
