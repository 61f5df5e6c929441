// SPDX-License-Identifier: GPL-3.0-only

/// What lldb asks about the machine of a server and lets it do there ("platform"), apart from
/// debugging. Numbers of processes, users and groups are decimal here.
package enum PlatformPacket: Hashable, Sendable {
  case processes(ProcessFilter)
  /// The next process that the last `processes` found.
  case nextProcess
  case process(UInt64)
  case user(UInt64)
  case group(UInt64)
  case makeDirectory(mode: UInt32, path: [UInt8])
  case changeMode(mode: UInt32, path: [UInt8])
  /// A line for the shell; no directory is the server's own.
  case shell(line: [UInt8], seconds: UInt64, directory: [UInt8])
  /// How a path that was typed in part may go on.
  case complete(path: [UInt8], onlyDirectories: Bool)
  /// Start a server for one debugging session; at this port, if it is not 0.
  case launchServer(port: UInt64)
  case servers
  case endServer(UInt64)

  /// Which processes are wanted; all that is nil or empty is no matter.
  package struct ProcessFilter: Hashable, Sendable {
    package enum Match: String, Hashable, Sendable {
      case equals, contains, regex
      case startsWith = "starts_with"
      case endsWith = "ends_with"
    }

    package var name: [UInt8] = []
    package var match = Match.equals
    package var numbers: [String: UInt64] = [:]
    package var allUsers = false

    package init() {}
  }

  static func processes(_ scanner: inout PacketScanner) -> Packet? {
    var filter = ProcessFilter()
    if scanner.isAtEnd { return .platform(.processes(filter)) }
    guard scanner.skip(":") else { return .unknown }
    while !scanner.isAtEnd {
      let field = scanner.field(before: ";")
      guard let colon = field.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let key = String(decoding: field[..<colon], as: UTF8.self)
      let value = field[field.index(after: colon)...]
      switch key {
      case "name":
        guard let name = Hex.decode(value) else { return nil }
        filter.name = name
      case "name_match":
        guard let match = ProcessFilter.Match(rawValue: String(decoding: value, as: UTF8.self))
        else { continue }
        filter.match = match
      case "all_users": filter.allUsers = value.first == UInt8(ascii: "1")
      case "pid", "parent_pid", "uid", "gid", "euid", "egid":
        filter.numbers[key] = UInt64(String(decoding: value, as: UTF8.self))
      default: break
      }
    }
    return .platform(.processes(filter))
  }

  static func decimal(
    _ scanner: inout PacketScanner, _ packet: (UInt64) -> PlatformPacket
  ) -> Packet? {
    UInt64(scanner.text()).map { .platform(packet($0)) }
  }

  static func path(
    _ scanner: inout PacketScanner, _ packet: (UInt32, [UInt8]) -> PlatformPacket
  ) -> Packet? {
    guard let mode = scanner.count(), scanner.skip(","), let path = scanner.hexBytes() else {
      return nil
    }
    return .platform(packet(UInt32(mode), path))
  }

  static func shell(_ scanner: inout PacketScanner) -> Packet? {
    guard let line = Hex.decode(scanner.field(before: ",")) else { return nil }
    let limit = scanner.field(before: ",")
    guard let seconds = limit.isEmpty ? 0 : UInt64(String(decoding: limit, as: UTF8.self), radix: 16),
      let directory = scanner.hexBytes()
    else { return nil }
    return .platform(.shell(line: line, seconds: seconds, directory: directory))
  }

  static func complete(_ scanner: inout PacketScanner) -> Packet? {
    guard let only = scanner.hex(), scanner.skip(","), let path = scanner.hexBytes() else {
      return nil
    }
    return .platform(.complete(path: path, onlyDirectories: only == 1))
  }

  /// `;host:NAME;port:N;`: whose the host is, the server knows better.
  static func launchServer(_ scanner: inout PacketScanner) -> Packet? {
    var port: UInt64 = 0
    while !scanner.isAtEnd {
      let words = String(decoding: scanner.field(before: ";"), as: UTF8.self)
      if words.hasPrefix("port:") { port = UInt64(words.dropFirst(5)) ?? 0 }
    }
    return port <= 65535 ? .platform(.launchServer(port: port)) : nil
  }
}
