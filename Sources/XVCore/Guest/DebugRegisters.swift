// SPDX-License-Identifier: GPL-3.0-only

/// What DR0 to DR3 and DR7 of one thread hold (Intel SDM volume 3, "Debug Registers").
struct DebugRegisters: Hashable {
  static let count = 4
  /// Their sum is what DR6 says about them.
  static let all: UInt8 = 0xf

  struct Piece: Hashable {
    var address: UInt64
    /// 1, 2, 4 or 8; the address is a multiple of it.
    var length: UInt64
    /// Else reads count as well.
    var isWriteOnly: Bool
  }

  private var pieces: [Piece?] = Array(repeating: nil, count: count)

  subscript(index: Int) -> Piece? { pieces[index] }

  var isEmpty: Bool { pieces.allSatisfy { $0 == nil } }

  /// What the processor can watch at one time; nil when the memory needs too many registers.
  static func pieces(of watchpoint: Watchpoint) -> [Piece]? {
    guard 1...UInt64(8 * count) ~= watchpoint.length else { return nil }
    var pieces: [Piece] = []
    var address = watchpoint.address.rawValue
    var left = watchpoint.length
    while left > 0 {
      guard pieces.count < count else { return nil }
      let length: UInt64 = [8, 4, 2, 1].first { $0 <= left && address & ($0 - 1) == 0 } ?? 1
      pieces.append(
        Piece(address: address, length: length, isWriteOnly: watchpoint.kind == .write))
      address &+= length
      left -= length
    }
    return pieces
  }

  /// False when no register is free for it.
  mutating func add(_ piece: Piece) -> Bool {
    if pieces.contains(piece) { return true }
    guard let free = pieces.firstIndex(where: { $0 == nil }) else { return false }
    pieces[free] = piece
    return true
  }

  mutating func keep(_ needed: Set<Piece>) {
    for index in pieces.indices where pieces[index].map({ !needed.contains($0) }) == true {
      pieces[index] = nil
    }
  }

  /// DR7: for each register an enable bit, and four bits that say what is watched.
  var control: UInt64 {
    var control: UInt64 = 0
    for (index, piece) in pieces.enumerated() {
      guard let piece else { continue }
      let access: UInt64 = piece.isWriteOnly ? 1 : 3
      let length: UInt64 =
        switch piece.length {
        case 1: 0
        case 2: 1
        case 4: 3
        default: 2
        }
      control |= 1 << UInt64(2 * index) | (access | length << 2) << UInt64(16 + 4 * index)
    }
    return control
  }

  /// The registers that an access would meet, bits as in DR6.
  func met(by access: MemoryAccess) -> UInt8 {
    var met: UInt8 = 0
    for (index, piece) in pieces.enumerated() {
      guard let piece, access.isWrite || !piece.isWriteOnly, access.overlaps(piece) else { continue }
      met |= 1 << UInt8(index)
    }
    return met
  }
}

/// An access to memory that an instruction has made, or was made for it.
struct MemoryAccess {
  var address: UInt64
  var length: UInt64
  var isWrite: Bool
  var isRead: Bool

  /// `isRead`: also, where it is a write.
  init(address: UInt64, length: UInt64, isWrite: Bool, isRead: Bool = false) {
    self.address = address
    self.length = length
    self.isWrite = isWrite
    self.isRead = isRead || !isWrite
  }

  func counts(for kind: Watchpoint.Kind) -> Bool {
    switch kind {
    case .write: isWrite
    case .read: isRead
    case .access: true
    }
  }

  func overlaps(_ piece: DebugRegisters.Piece) -> Bool {
    address < piece.address &+ piece.length && piece.address < address &+ length
  }

  func overlaps(_ watchpoint: Watchpoint) -> Bool {
    let watched = watchpoint.address.rawValue
    return address <= watched
      ? watched - address < length : address - watched < watchpoint.length
  }
}
