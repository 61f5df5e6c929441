// SPDX-License-Identifier: GPL-3.0-only

/// `?`, `k`, `vKill`, `D`, `qAttached`: the program as a whole.
package enum ProcessPacket: Hashable, Sendable {
  case status
  /// No reply follows.
  case kill
  case killProcess(UInt64)
  case detach(UInt64?)
  case attached

  static func killProcess(_ scanner: inout PacketScanner) -> Packet? {
    guard let process = scanner.hex(), scanner.isAtEnd else { return nil }
    return .process(.killProcess(process))
  }

  static func detach(_ scanner: inout PacketScanner) -> Packet? {
    if scanner.isAtEnd { return .process(.detach(nil)) }
    guard scanner.skip(";"), let process = scanner.hex(), scanner.isAtEnd else { return nil }
    return .process(.detach(process))
  }
}
