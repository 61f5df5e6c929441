// SPDX-License-Identifier: GPL-3.0-only

/// The content of a reply, before escapes and framing.
package struct Reply: Hashable, Sendable {
  package var content: [UInt8]

  package init(_ content: [UInt8]) { self.content = content }
  package init(_ text: String) { self.content = Array(text.utf8) }

  package static let ok = Reply("OK")
  /// The packet is not supported.
  package static let empty = Reply([])
  /// Parse error or bad argument: EINVAL.
  package static let malformed = error(22)

  /// `E nn`; the two digits are the error's decimal number, as gdb's users know it from errno.
  package static func error(_ number: Int32) -> Reply {
    let number = (1...99).contains(number) ? UInt8(number) : 1
    return Reply([
      UInt8(ascii: "E"), UInt8(ascii: "0") + number / 10, UInt8(ascii: "0") + number % 10,
    ])
  }

  /// `E nn;text`, for lldb after its `QEnableErrorStrings`.
  package static func error(_ number: Int32, _ message: String) -> Reply {
    Reply(error(number).content + [UInt8(ascii: ";")] + Hex.encode(Array(message.utf8)))
  }

  /// `E.text`, for a client that offered `error-message+`.
  package static func error(_ message: String) -> Reply { Reply("E." + message) }
}
