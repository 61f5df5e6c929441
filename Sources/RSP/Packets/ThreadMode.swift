// SPDX-License-Identifier: GPL-3.0-only

/// `QNonStop`, `vStopped`, `QThreadEvents`: whether threads stop one by one, and what is told of them.
package enum ThreadModePacket: Hashable, Sendable {
  case nonStop(Bool)
  /// The client has taken in a stop that it was told of, and asks for the next.
  case nextStop
  /// Whether new threads and ends of threads are told.
  case threadEvents(Bool)

  static func nonStop(_ scanner: inout PacketScanner) -> Packet? {
    flag(&scanner).map { .threadMode(.nonStop($0)) }
  }

  static func threadEvents(_ scanner: inout PacketScanner) -> Packet? {
    flag(&scanner).map { .threadMode(.threadEvents($0)) }
  }

  private static func flag(_ scanner: inout PacketScanner) -> Bool? {
    let isOn = scanner.skip("1")
    guard isOn || scanner.skip("0"), scanner.isAtEnd else { return nil }
    return isOn
  }
}
