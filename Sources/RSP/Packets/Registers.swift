// SPDX-License-Identifier: GPL-3.0-only

/// `g`, `G`, `p`, `P`: the selected thread's registers in the target description's order.
package enum RegisterPacket: Hashable, Sendable {
  case readAll
  case writeAll([UInt8])
  case read(Int)
  case write(Int, [UInt8])

  static func writeAll(_ scanner: inout PacketScanner) -> Packet? {
    scanner.hexBytes().map { .register(.writeAll($0)) }
  }

  static func read(_ scanner: inout PacketScanner) -> Packet? {
    guard let number = scanner.count(), scanner.isAtEnd else { return nil }
    return .register(.read(number))
  }

  static func write(_ scanner: inout PacketScanner) -> Packet? {
    guard let number = scanner.count(), scanner.skip("="), let bytes = scanner.hexBytes() else {
      return nil
    }
    return .register(.write(number, bytes))
  }
}
