// SPDX-License-Identifier: GPL-3.0-only

/// What a server said in its answer to `qSupported`.
package struct ServerFeatures: Hashable, Sendable {
  /// By name: `+`, `-`, `?`, or the value behind `=`.
  private var stances: [String: String] = [:]

  /// What is assumed of a server that says nothing.
  package init() {}

  init(_ reply: [UInt8]) {
    for field in reply.split(separator: UInt8(ascii: ";")) {
      let text = String(decoding: field, as: UTF8.self)
      if let equals = text.firstIndex(of: "=") {
        stances[String(text[..<equals])] = String(text[text.index(after: equals)...])
      } else if let last = text.last {
        stances[String(text.dropLast())] = String(last)
      }
    }
  }

  /// Whether the server has said `name+`.
  package func has(_ name: String) -> Bool { stances[name] == "+" }

  /// Content of a request or reply; what old servers take if they do not say.
  package var packetSize: Int {
    let told = stances["PacketSize"].flatMap { Int($0, radix: 16) } ?? 400
    return min(max(told, 100), 1 << 20)
  }
}
