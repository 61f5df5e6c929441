// SPDX-License-Identifier: GPL-3.0-only

/// `QCatchSyscalls`: the system calls of whose entry and return the client is told.
package enum CatchPacket: Hashable, Sendable {
  case none
  case all
  case some(Set<Int32>)

  static func parse(_ scanner: inout PacketScanner) -> Packet? {
    if scanner.skip("0") { return scanner.isAtEnd ? .catchCalls(.none) : nil }
    guard scanner.skip("1") else { return nil }
    if scanner.isAtEnd { return .catchCalls(.all) }
    var numbers: Set<Int32> = []
    while scanner.skip(";") {
      guard let number = scanner.hex().flatMap({ Int32(exactly: $0) }) else { return nil }
      numbers.insert(number)
    }
    return scanner.isAtEnd ? .catchCalls(.some(numbers)) : nil
  }
}
