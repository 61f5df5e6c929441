// SPDX-License-Identifier: GPL-3.0-only

/// `c`, `C`, `s`, `S`, `vCont`, `vCtrlC`: give the program the processor, or take it away.
package enum ResumePacket: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case run
    case step
    case stepWithin(start: UInt64, end: UInt64)
    case stop
  }

  /// One action of a `vCont`; the leftmost that matches a thread is that thread's.
  package struct Action: Hashable, Sendable {
    package var kind: Kind
    /// gdb's number; nil when no signal is to be delivered.
    package var signal: SignalNumber?
    /// Nil means every thread that no earlier action matched.
    package var threads: ThreadPattern?

    package init(_ kind: Kind, signal: SignalNumber? = nil, threads: ThreadPattern? = nil) {
      self.kind = kind
      self.signal = signal
      self.threads = threads
    }
  }

  case actionsWanted
  case actions([Action])
  /// The packets older than `vCont`: for the thread that `Hc` chose, from an address if given.
  case legacy(Action, from: UInt64?)
  case interrupt

  static func legacy(_ scanner: inout PacketScanner, _ kind: Kind, hasSignal: Bool) -> Packet? {
    var action = Action(kind)
    var address: UInt64?
    if hasSignal {
      guard let number = scanner.hex() else { return nil }
      action.signal = SignalNumber(wire: number)
      if scanner.skip(";") {
        address = scanner.hex()
        if address == nil { return nil }
      }
    } else if !scanner.isAtEnd {
      address = scanner.hex()
      if address == nil { return nil }
    }
    return scanner.isAtEnd ? .resume(.legacy(action, from: address)) : nil
  }

  static func actions(_ scanner: inout PacketScanner) -> Packet? {
    var actions: [Action] = []
    repeat {
      guard var action = action(&scanner) else { return nil }
      if scanner.skip(":") {
        guard let threads = scanner.threadPattern() else { return nil }
        action.threads = threads
      }
      actions.append(action)
    } while scanner.skip(";")
    return scanner.isAtEnd ? .resume(.actions(actions)) : nil
  }

  private static func action(_ scanner: inout PacketScanner) -> Action? {
    switch scanner.byte() {
    case UInt8(ascii: "c"): return Action(.run)
    case UInt8(ascii: "s"): return Action(.step)
    case UInt8(ascii: "t"): return Action(.stop)
    case UInt8(ascii: "C"):
      return scanner.hex().map { Action(.run, signal: SignalNumber(wire: $0)) }
    case UInt8(ascii: "S"):
      return scanner.hex().map { Action(.step, signal: SignalNumber(wire: $0)) }
    case UInt8(ascii: "r"):
      guard let start = scanner.hex(), scanner.skip(","), let end = scanner.hex() else {
        return nil
      }
      return Action(.stepWithin(start: start, end: end))
    default: return nil
    }
  }
}
