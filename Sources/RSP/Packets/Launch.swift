// SPDX-License-Identifier: GPL-3.0-only

/// `!`, `R`, `vRun`, `A`, `vAttach` and what is said before about how a program is to be started.
package enum LaunchPacket: Hashable, Sendable {
  /// `!`: the session outlives programs.
  case extend
  /// `R`: no reply follows.
  case restart
  /// `vRun`: no path means the program that ran before.
  case run(path: [UInt8]?, arguments: [[UInt8]])
  /// lldb's older `A`: the path is the first argument; `qLaunchSuccess` asks how it went.
  case runByArguments([[UInt8]])
  case result
  /// `qExecAndArgs`: what the server was started with.
  case commandLineWanted
  case attach(process: UInt64)
  /// lldb's `vAttachName` and its kind.
  case attachByName([UInt8], Which)

  /// Which process of a name is meant.
  package enum Which: Hashable, Sendable {
    case running
    /// The next one to begin.
    case next
    /// One that runs, else the next.
    case runningOrNext
  }

  /// `NAME=VALUE`, or `NAME` for the empty value.
  case set(variable: [UInt8])
  case unset(variable: [UInt8])
  case resetEnvironment
  /// Empty for the server's own.
  case workingDirectory([UInt8])
  case shell(Bool)
  case randomization(disabled: Bool)
  /// lldb's `QSetSTDIN` and its kind: what is opened as descriptor 0, 1 or 2.
  case standardFile(Int, path: [UInt8])
  /// lldb's `QSetDetachOnError`: what is to become of the program when the connection is lost.
  case detachOnError(Bool)
  /// lldb's `QLaunchArch`.
  case architecture
  /// Whether `attachByName` is answered.
  case attachByNameWanted

  static func run(_ scanner: inout PacketScanner) -> Packet? {
    guard let path = Hex.decode(scanner.field(before: ";")) else { return nil }
    var arguments: [[UInt8]] = []
    while !scanner.isAtEnd {
      guard let argument = Hex.decode(scanner.field(before: ";")) else { return nil }
      arguments.append(argument)
    }
    return .launch(.run(path: path.isEmpty ? nil : path, arguments: arguments))
  }

  /// `Alength,number,argument[,length,number,argument]...`, lengths and numbers in decimal.
  static func runByArguments(_ scanner: inout PacketScanner) -> Packet? {
    var arguments: [[UInt8]] = []
    repeat {
      let length = String(decoding: scanner.field(before: ","), as: UTF8.self)
      let number = String(decoding: scanner.field(before: ","), as: UTF8.self)
      let digits = scanner.field(before: ",")
      guard Int(length) == digits.count, Int(number) == arguments.count,
        let argument = Hex.decode(digits)
      else { return nil }
      arguments.append(argument)
    } while !scanner.isAtEnd
    return .launch(.runByArguments(arguments))
  }

  static func attach(_ scanner: inout PacketScanner) -> Packet? {
    guard let process = scanner.hex(), scanner.isAtEnd else { return nil }
    return .launch(.attach(process: process))
  }

  static func attach(_ scanner: inout PacketScanner, _ which: Which) -> Packet? {
    guard let name = scanner.hexBytes(), !name.isEmpty else { return nil }
    return .launch(.attachByName(name, which))
  }

  static func standardFile(_ scanner: inout PacketScanner, _ number: Int) -> Packet? {
    scanner.hexBytes().map { .launch(.standardFile(number, path: $0)) }
  }

  static func encoded(
    _ scanner: inout PacketScanner, _ packet: ([UInt8]) -> LaunchPacket
  ) -> Packet? {
    scanner.hexBytes().map { .launch(packet($0)) }
  }

  /// lldb's form without digits.
  static func plain(_ scanner: inout PacketScanner) -> Packet? {
    .launch(.set(variable: Array(scanner.rest)))
  }

  static func flag(
    _ scanner: inout PacketScanner, _ packet: (Bool) -> LaunchPacket
  ) -> Packet? {
    guard let value = scanner.hex(), value <= 1, scanner.isAtEnd else { return nil }
    return .launch(packet(value == 1))
  }
}
