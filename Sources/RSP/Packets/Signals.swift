// SPDX-License-Identifier: GPL-3.0-only

/// `QPassSignals`: signals that go to the program without a stop.
///
/// `QProgramSignals`: signals that may be delivered at all when the program is resumed or let go.
package enum SignalPacket: Hashable, Sendable {
  case pass(Set<SignalNumber>)
  case program(Set<SignalNumber>)

  static func pass(_ scanner: inout PacketScanner) -> Packet? {
    list(&scanner).map { .signals(.pass($0)) }
  }

  static func program(_ scanner: inout PacketScanner) -> Packet? {
    list(&scanner).map { .signals(.program($0)) }
  }

  private static func list(_ scanner: inout PacketScanner) -> Set<SignalNumber>? {
    var signals: Set<SignalNumber> = []
    // gdb ends each number with a separator, the last one too.
    while !scanner.isAtEnd {
      guard let number = scanner.hex() else { return nil }
      signals.insert(SignalNumber(wire: number))
      guard scanner.skip(";") || scanner.isAtEnd else { return nil }
    }
    return signals
  }
}
