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
  /// One of them has to be true for the stop to be told; none: it always is.
  package var conditions: [AgentExpression] = []
  /// What is done instead of telling the stop.
  package var commands: [AgentExpression] = []
  /// The commands are meant to be carried out without a client too.
  package var persists = false

  package init(
    kind: Kind, address: UInt64, size: UInt64, inserts: Bool, conditions: [AgentExpression] = [],
    commands: [AgentExpression] = [], persists: Bool = false
  ) {
    self.kind = kind
    self.address = address
    self.size = size
    self.inserts = inserts
    self.conditions = conditions
    self.commands = commands
    self.persists = persists
  }

  static func parse(_ scanner: inout PacketScanner, inserts: Bool) -> Packet? {
    guard let number = scanner.hex() else { return nil }
    guard let kind = Kind(rawValue: number) else { return .unknown }
    guard scanner.skip(","), let address = scanner.hex(), scanner.skip(","),
      let size = scanner.hex()
    else { return nil }
    var packet = Self(kind: kind, address: address, size: size, inserts: inserts)
    while scanner.skip(";") {
      guard packet.parseOption(&scanner) else { return nil }
    }
    return scanner.isAtEnd ? .breakpoint(packet) : nil
  }

  /// `Xlength,bytes...` are conditions, `cmds:persist,Xlength,bytes...` commands; what a later gdb
  /// adds is passed over.
  private mutating func parseOption(_ scanner: inout PacketScanner) -> Bool {
    if scanner.skip("cmds:") {
      guard let persists = scanner.hex(), scanner.skip(",") else { return false }
      self.persists = persists != 0
      guard let expressions = Self.expressions(&scanner) else { return false }
      commands += expressions
    } else if scanner.rest.first == UInt8(ascii: "X") {
      guard let expressions = Self.expressions(&scanner) else { return false }
      conditions += expressions
    } else {
      while let byte = scanner.rest.first, byte != UInt8(ascii: ";") { _ = scanner.byte() }
    }
    return true
  }

  private static func expressions(_ scanner: inout PacketScanner) -> [AgentExpression]? {
    var expressions: [AgentExpression] = []
    while scanner.skip("X") {
      guard let count = scanner.count(), scanner.skip(","), scanner.rest.count >= 2 * count,
        let bytes = Hex.decode(scanner.rest.prefix(2 * count))
      else { return nil }
      for _ in 0..<2 * count { _ = scanner.byte() }
      expressions.append(AgentExpression(bytes))
    }
    return expressions
  }
}
