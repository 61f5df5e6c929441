// SPDX-License-Identifier: GPL-3.0-only

/// `g`, `G`, `p`, `P`, `QSaveRegisterState`, `QRestoreRegisterState`: a thread's registers, in the
/// target description's order.
package struct RegisterPacket: Hashable, Sendable {
  package enum Operation: Hashable, Sendable {
    case readAll
    case writeAll([UInt8])
    case read(Int)
    case write(Int, [UInt8])
    /// Keeps all registers and answers with a number for `restore`.
    case save
    /// Puts back what was kept, which is then forgotten.
    case restore(UInt64)
  }

  package var operation: Operation
  /// From lldb's suffix `;thread:ID;`; nil means the thread that `Hg` chose.
  package var thread: ThreadPattern?

  package init(_ operation: Operation, thread: ThreadPattern? = nil) {
    self.operation = operation
    self.thread = thread
  }

  static func readAll(_ scanner: inout PacketScanner) -> Packet? {
    // Another packet's name may begin with the letter.
    packet(.readAll, &scanner) ?? .unknown
  }

  static func writeAll(_ scanner: inout PacketScanner) -> Packet? {
    guard let bytes = scanner.hexBytesBeforeSuffix() else { return nil }
    return packet(.writeAll(bytes), &scanner)
  }

  static func read(_ scanner: inout PacketScanner) -> Packet? {
    guard let number = scanner.count() else { return nil }
    return packet(.read(number), &scanner)
  }

  static func write(_ scanner: inout PacketScanner) -> Packet? {
    guard let number = scanner.count(), scanner.skip("="),
      let bytes = scanner.hexBytesBeforeSuffix()
    else { return nil }
    return packet(.write(number, bytes), &scanner)
  }

  static func save(_ scanner: inout PacketScanner) -> Packet? { packet(.save, &scanner) }

  static func restore(_ scanner: inout PacketScanner) -> Packet? {
    guard let number = scanner.hex() else { return nil }
    return packet(.restore(number), &scanner)
  }

  private static func packet(
    _ operation: Operation, _ scanner: inout PacketScanner
  ) -> Packet? {
    if scanner.isAtEnd { return .register(RegisterPacket(operation)) }
    guard scanner.skip(";thread:"), let thread = scanner.threadPattern() else { return nil }
    _ = scanner.skip(";")
    return scanner.isAtEnd ? .register(RegisterPacket(operation, thread: thread)) : nil
  }
}

extension PacketScanner {
  fileprivate mutating func hexBytesBeforeSuffix() -> [UInt8]? {
    let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
    let digits = rest[..<end]
    for _ in digits { _ = byte() }
    return Hex.decode(digits)
  }
}
