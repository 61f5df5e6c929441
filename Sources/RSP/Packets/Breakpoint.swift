// SPDX-License-Identifier: GPL-3.0-only

/// `Z` and `z`: insert and remove a breakpoint or watchpoint.
package struct BreakpointPacket: Hashable, Sendable {
  package enum Kind: UInt64, Hashable, Sendable {
    case software = 0
    case hardware = 1
    case write = 2
    case read = 3
    case access = 4
  }

  package var kind: Kind
  package var address: UInt64
  /// Length of the opcode (breakpoints) or of the memory watched.
  package var size: UInt64
  package var inserts: Bool

  package init(kind: Kind, address: UInt64, size: UInt64, inserts: Bool) {
    self.kind = kind
    self.address = address
    self.size = size
    self.inserts = inserts
  }

  static func parse(_ scanner: inout PacketScanner, inserts: Bool) -> Packet? {
    guard let number = scanner.hex() else { return nil }
    guard let kind = Kind(rawValue: number) else { return .unknown }
    guard scanner.skip(","), let address = scanner.hex(), scanner.skip(","),
      let size = scanner.hex(), scanner.isAtEnd
    else { return nil }
    return .breakpoint(Self(kind: kind, address: address, size: size, inserts: inserts))
  }
}
