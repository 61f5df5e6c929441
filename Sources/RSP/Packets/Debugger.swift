// SPDX-License-Identifier: GPL-3.0-only

/// Packets that only lldb sends (lldb's "GDB Remote Protocol Extensions"), those about registers and
/// launching aside.
package enum DebuggerPacket: Hashable, Sendable {
  package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    // PROT_READ, PROT_WRITE and PROT_EXEC of <sys/mman.h>.
    package static let read = Self(rawValue: 1)
    package static let write = Self(rawValue: 2)
    package static let execute = Self(rawValue: 4)
  }

  // What lldb wants of later replies.
  case threadSuffix
  case threadsInStops
  case errorStrings
  // Who is there.
  case host
  case process
  case processID
  case serverVersion
  case workingDirectory
  /// Answered by its own text: a client that lost count finds its place again.
  case echo([UInt8])
  /// How long a reply the client wants, to measure the connection.
  case speedTest(Int)
  /// What a person typed for the program.
  case input([UInt8])
  // Threads.
  case threadStops
  case threadStop(UInt64)
  // Memory.
  case region(UInt64)
  /// Whether `region` is answered.
  case regionsWanted
  case allocate(count: UInt64, Permissions)
  case release(UInt64)
  case watchpoints
  // What is loaded.
  case linkerStructure
  case loadAddress(path: [UInt8])
  case module(path: [UInt8])
  case modules(paths: [[UInt8]])
  /// lldb 22's `jMultiBreakpoint`: packets `Z` and `z`, carried out in order; nil: one that is none.
  case breakpoints([BreakpointPacket?])

  static func echo(_ scanner: inout PacketScanner) -> Packet? {
    .debugger(.echo(Array("qEcho:".utf8) + scanner.rest))
  }

  /// The data behind the size are only there to be sent.
  static func speedTest(_ scanner: inout PacketScanner) -> Packet? {
    let digits = scanner.field(before: ";")
    guard let count = Int(String(decoding: digits, as: UTF8.self)), 0...(4 << 20) ~= count else {
      return nil
    }
    return .debugger(.speedTest(count))
  }

  static func input(_ scanner: inout PacketScanner) -> Packet? {
    scanner.hexBytes().map { .debugger(.input($0)) }
  }

  static func threadStop(_ scanner: inout PacketScanner) -> Packet? {
    number(&scanner) { .threadStop($0) }
  }

  static func region(_ scanner: inout PacketScanner) -> Packet? {
    if scanner.isAtEnd { return .debugger(.regionsWanted) }
    guard scanner.skip(":") else { return .unknown }
    return number(&scanner) { .region($0) }
  }

  static func release(_ scanner: inout PacketScanner) -> Packet? {
    number(&scanner) { .release($0) }
  }

  static func allocate(_ scanner: inout PacketScanner) -> Packet? {
    guard let count = scanner.hex(), scanner.skip(",") else { return nil }
    var permissions: Permissions = []
    while let letter = scanner.byte() {
      switch letter {
      case UInt8(ascii: "r"): permissions.insert(.read)
      case UInt8(ascii: "w"): permissions.insert(.write)
      case UInt8(ascii: "x"): permissions.insert(.execute)
      default: return nil
      }
    }
    return .debugger(.allocate(count: count, permissions))
  }

  static func loadAddress(_ scanner: inout PacketScanner) -> Packet? {
    scanner.hexBytes().map { .debugger(.loadAddress(path: $0)) }
  }

  /// The triple that follows the path says nothing that is not known: all programs are x86-64.
  static func module(_ scanner: inout PacketScanner) -> Packet? {
    Hex.decode(scanner.field(before: ";")).map { .debugger(.module(path: $0)) }
  }

  /// `jModulesInfo:[{"file":...,"triple":...},...]`
  static func modules(_ scanner: inout PacketScanner) -> Packet? {
    guard let elements = JSONValue(scanner.rest)?.elements else { return nil }
    return .debugger(.modules(paths: elements.compactMap { $0["file"]?.text.map { Array($0.utf8) } }))
  }

  /// `jMultiBreakpoint:{"breakpoint_requests":["Z0,a,k",...]}`
  static func breakpoints(_ scanner: inout PacketScanner) -> Packet? {
    guard let requests = JSONValue(scanner.rest)?["breakpoint_requests"]?.elements else {
      return nil
    }
    return .debugger(
      .breakpoints(
        requests.map { request in
          guard let text = request.text, case .breakpoint(let packet) = Packet(Array(text.utf8)) else {
            return nil
          }
          return packet
        }))
  }

  private static func number(
    _ scanner: inout PacketScanner, _ packet: (UInt64) -> DebuggerPacket
  ) -> Packet? {
    guard let number = scanner.hex(), scanner.isAtEnd else { return nil }
    return .debugger(packet(number))
  }
}
