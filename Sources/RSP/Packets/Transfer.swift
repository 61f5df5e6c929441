// SPDX-License-Identifier: GPL-3.0-only

/// `qXfer:object:read:annex:offset,length`: a window of a named object.
package struct TransferPacket: Hashable, Sendable {
  /// The objects that are served, by their names on the wire; others are unknown packets.
  package enum Object: String, Hashable, Sendable, CaseIterable {
    case features
    case auxiliaryVector = "auxv"
    case executableFile = "exec-file"
    case libraries = "libraries-svr4"
    case threads
    case signalInformation = "siginfo"
  }

  package var object: Object
  package var annex: String
  package var offset: Int
  package var length: Int

  package init(object: Object, annex: String, offset: Int, length: Int) {
    self.object = object
    self.annex = annex
    self.offset = offset
    self.length = length
  }

  static func parse(_ scanner: inout PacketScanner) -> Packet? {
    let name = String(decoding: scanner.field(before: ":"), as: UTF8.self)
    guard let object = Object(rawValue: name), scanner.skip("read:") else { return .unknown }
    let annex = String(decoding: scanner.field(before: ":"), as: UTF8.self)
    guard let offset = scanner.count(), scanner.skip(","), let length = scanner.count(),
      scanner.isAtEnd
    else { return nil }
    return .transfer(Self(object: object, annex: annex, offset: offset, length: length))
  }

  /// `l` and the last window, `m` and one that is followed by more.
  package func window(of content: [UInt8]) -> [UInt8] {
    let start = min(offset, content.count)
    let end = min(start + length, content.count)
    let mark = end == content.count ? UInt8(ascii: "l") : UInt8(ascii: "m")
    return [mark] + content[start..<end]
  }
}
