// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  /// `jThreadsInfo`: every thread, why it stopped if it did, and the registers that are looked at
  /// first; one reply instead of several for each thread.
  func threadStops() throws(WorldError) -> [UInt8] {
    var json = JSONText()
    json.array(world.threads) { json, thread in
      json.object { json in
        json.key("tid")
        json.number(Int(thread.rawValue))
        json.key("name")
        json.string(commandName(of: thread))
        if thread == lastStop.thread, let reason = reasonForLLDB {
          json.key("reason")
          json.string(Array(reason.utf8))
          json.key("signal")
          json.number(Int(signalOfStop.rawValue))
          if case .watchpoint = lastStop.reason, let description = stopDescription {
            json.key("description")
            json.string(description)
          }
        }
        json.key("registers")
        json.object { json in
          for register in expedited(of: thread, Self.frameRegisters) {
            json.key("\(register.number)")
            json.string(Hex.encode(register.bytes))
          }
        }
      }
    }
    return json.bytes
  }

  /// `qThreadStopInfo`: as a stop reply about that thread alone.
  func threadStop(_ number: UInt64) throws(WorldError) -> Reply {
    let pattern = ThreadPattern(thread: .one(number))
    guard number != 0, let thread = thread(matching: pattern) else {
      throw .failed(call: "thread \(number)", errno: ESRCH)
    }
    if thread == lastStop.thread { return stopReply() }
    var stop = StopReply.Stop(
      signal: .none, expedited: expedited(of: thread, Self.generalRegisters),
      thread: name(of: thread))
    stop.debugger = StopReply.DebuggerFields(name: commandName(of: thread))
    return Reply(StopReply.stopped(stop).encoded(multiprocess: client.isMultiprocess))
  }
}

/// A JSON document that is being written.
struct JSONText {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func value(_ text: [UInt8]) {
    if needsComma { append(",") }
    bytes += text
    needsComma = true
  }

  mutating func number(_ number: Int) { value(Array("\(number)".utf8)) }

  mutating func string(_ text: [UInt8]) { value(Self.quoted(text)) }

  mutating func key(_ key: String) {
    value(Self.quoted(Array(key.utf8)) + [UInt8(ascii: ":")])
    needsComma = false
  }

  mutating func object(_ body: (inout JSONText) -> Void) {
    value([UInt8(ascii: "{")])
    needsComma = false
    body(&self)
    append("}")
    needsComma = true
  }

  mutating func array<Element>(
    _ elements: [Element], _ body: (inout JSONText, Element) -> Void
  ) {
    value([UInt8(ascii: "[")])
    needsComma = false
    for element in elements { body(&self, element) }
    append("]")
    needsComma = true
  }

  /// Control characters and what is not ASCII go as \u00NN, one for each byte.
  private static func quoted(_ text: [UInt8]) -> [UInt8] {
    var quoted = [UInt8(ascii: "\"")]
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += [UInt8(ascii: "\\"), byte]
      case 0x20..<0x7f: quoted.append(byte)
      default: quoted += Array("\\u00".utf8) + Hex.byte(byte)
      }
    }
    return quoted + [UInt8(ascii: "\"")]
  }
}
