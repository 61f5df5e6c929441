// SPDX-License-Identifier: GPL-3.0-only

/// `H`, `T`, `qC`, `qfThreadInfo`, `qsThreadInfo`, `qThreadExtraInfo`, `qGetTLSAddr`.
package enum ThreadPacket: Hashable, Sendable {
  /// What later packets a selection is for.
  package enum Use: Hashable, Sendable { case general, resume }

  case select(Use, ThreadPattern)
  case isAlive(ThreadPattern)
  case current
  case first
  case next
  case extraInformation(ThreadPattern)
  /// `qGetTLSAddr`: where the thread has a variable of its own, by the link_map of its module.
  case localAddress(ThreadPattern, offset: UInt64, linkMap: UInt64)

  static func select(_ scanner: inout PacketScanner) -> Packet? {
    let use: Use
    switch scanner.byte() {
    case UInt8(ascii: "g"): use = .general
    case UInt8(ascii: "c"): use = .resume
    default: return .unknown
    }
    return pattern(&scanner).map { .thread(.select(use, $0)) }
  }

  static func isAlive(_ scanner: inout PacketScanner) -> Packet? {
    pattern(&scanner).map { .thread(.isAlive($0)) }
  }

  static func extraInformation(_ scanner: inout PacketScanner) -> Packet? {
    pattern(&scanner).map { .thread(.extraInformation($0)) }
  }

  static func localAddress(_ scanner: inout PacketScanner) -> Packet? {
    guard let pattern = scanner.threadPattern(), scanner.skip(","), let offset = scanner.hex(),
      scanner.skip(","), let linkMap = scanner.hex(), scanner.isAtEnd
    else { return nil }
    return .thread(.localAddress(pattern, offset: offset, linkMap: linkMap))
  }

  private static func pattern(_ scanner: inout PacketScanner) -> ThreadPattern? {
    guard let pattern = scanner.threadPattern(), scanner.isAtEnd else { return nil }
    return pattern
  }
}
