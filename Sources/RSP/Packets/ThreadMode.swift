// SPDX-License-Identifier: GPL-3.0-only

/// `QNonStop`, `vStopped`, `QThreadEvents`, `QThreadOptions`: whether threads stop one by one, and what is told of them.
package enum ThreadModePacket: Hashable, Sendable {
  case nonStop(Bool)
  /// The client has taken in a stop that it was told of, and asks for the next.
  case nextStop
  /// Whether new threads and ends of threads are told.
  case threadEvents(Bool)
  /// What is told of single threads: of those that match, the last options count.
  case options([Options])

  package struct Options: Hashable, Sendable {
    package var bits: UInt64
    /// Nil means every thread.
    package var threads: ThreadPattern?

    package init(_ bits: UInt64, _ threads: ThreadPattern? = nil) {
      self.bits = bits
      self.threads = threads
    }
  }

  static func nonStop(_ scanner: inout PacketScanner) -> Packet? {
    flag(&scanner).map { .threadMode(.nonStop($0)) }
  }

  static func threadEvents(_ scanner: inout PacketScanner) -> Packet? {
    flag(&scanner).map { .threadMode(.threadEvents($0)) }
  }

  static func options(_ scanner: inout PacketScanner) -> Packet? {
    var found: [Options] = []
    repeat {
      guard let bits = scanner.hex() else { return nil }
      var options = Options(bits)
      if scanner.skip(":") {
        guard let threads = scanner.threadPattern() else { return nil }
        options.threads = threads
      }
      found.append(options)
    } while scanner.skip(";")
    return scanner.isAtEnd ? .threadMode(.options(found)) : nil
  }

  private static func flag(_ scanner: inout PacketScanner) -> Bool? {
    let isOn = scanner.skip("1")
    guard isOn || scanner.skip("0"), scanner.isAtEnd else { return nil }
    return isOn
  }
}
