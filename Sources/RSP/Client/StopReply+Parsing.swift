// SPDX-License-Identifier: GPL-3.0-only

extension StopReply {
  /// What a server tells: `T`, `S`, `W` or `X`. Process and thread are 0 where it does not say.
  init?(wire reply: [UInt8]) {
    // gdbserver leaves out the leading zero of a status when it names the process (`W7;process:5`).
    let digits = reply.dropFirst().prefix(2).prefix { Hex.value(of: $0) != nil }
    guard let first = digits.first.flatMap(Hex.value(of:)) else { return nil }
    let number = digits.dropFirst().reduce(first) { $0 << 4 | Hex.value(of: $1)! }
    let fields = reply.dropFirst(1 + digits.count).split(separator: UInt8(ascii: ";")).map {
      Field(String(decoding: $0, as: UTF8.self))
    }
    let process = fields.first { $0.key == "process" }.flatMap { UInt64($0.value, radix: 16) } ?? 0
    let signal = SignalNumber(rawValue: number)
    switch reply[0] {
    case UInt8(ascii: "W"): self = .exited(status: number, process: process)
    case UInt8(ascii: "X"): self = .killed(signal: signal, process: process)
    case UInt8(ascii: "S"), UInt8(ascii: "T"): self = .stopped(Stop(signal: signal, fields))
    default: return nil
    }
  }

  /// `key:value`
  fileprivate struct Field {
    var key: Substring
    var value: Substring

    init(_ text: String) {
      let colon = text.firstIndex(of: ":")
      key = colon.map { text[..<$0] } ?? text[...]
      value = colon.map { text[text.index(after: $0)...] } ?? ""
    }
  }
}

extension StopReply.Stop {
  fileprivate init(signal: SignalNumber, _ fields: [StopReply.Field]) {
    self.init(signal: signal, thread: ThreadName(process: 0, thread: 0))
    for field in fields {
      let address = UInt64(field.value, radix: 16)
      switch field.key {
      case "swbreak": reason = .softwareBreakpoint
      case "hwbreak": reason = .hardwareBreakpoint
      case "watch": reason = .watchpoint(.write, address ?? 0)
      case "rwatch": reason = .watchpoint(.read, address ?? 0)
      case "awatch": reason = .watchpoint(.access, address ?? 0)
      case "exec": reason = .executed(path: Hex.decode(Array(field.value.utf8)) ?? [])
      case "core": core = Int(field.value, radix: 16)
      case "moves": moves = address
      case "thread": thread = ThreadName(wire: Array(field.value.utf8)) ?? thread
      default:
        if let number = Int(field.key, radix: 16),
          let bytes = Hex.decode(Array(field.value.utf8))
        {
          expedited.append(StopReply.Expedited(number: number, bytes: bytes))
        }
      }
    }
  }
}
