// SPDX-License-Identifier: GPL-3.0-only

/// `qXfer:object:read:annex:offset,length`: a window of a named object.
///
/// `qXfer:object:write:annex:offset:bytes`: changes a part of it.
package struct TransferPacket: Hashable, Sendable {
  /// The objects that are served, by their names on the wire; others are unknown packets.
  package enum Object: String, Hashable, Sendable, CaseIterable {
    case features
    case auxiliaryVector = "auxv"
    case executableFile = "exec-file"
    case libraries = "libraries-svr4"
    case threads
    case signalInformation = "siginfo"
    case systemTables = "osdata"
  }

  package enum Operation: Hashable, Sendable {
    case read(length: Int)
    case write([UInt8])
  }

  package var object: Object
  package var annex: String
  package var offset: Int
  package var operation: Operation

  package init(object: Object, annex: String, offset: Int, operation: Operation) {
    self.object = object
    self.annex = annex
    self.offset = offset
    self.operation = operation
  }

  package init(object: Object, annex: String, offset: Int, length: Int) {
    self.init(object: object, annex: annex, offset: offset, operation: .read(length: length))
  }

  static func parse(_ scanner: inout PacketScanner) -> Packet? {
    let name = String(decoding: scanner.field(before: ":"), as: UTF8.self)
    guard let object = Object(rawValue: name) else { return .unknown }
    if scanner.skip("read:") {
      let annex = String(decoding: scanner.field(before: ":"), as: UTF8.self)
      guard let offset = scanner.count(), scanner.skip(","), let length = scanner.count(),
        scanner.isAtEnd
      else { return nil }
      return .transfer(Self(object: object, annex: annex, offset: offset, length: length))
    }
    // Nothing else can be changed.
    guard object == .signalInformation, scanner.skip("write:") else { return .unknown }
    let annex = String(decoding: scanner.field(before: ":"), as: UTF8.self)
    guard let offset = scanner.count(), scanner.skip(":") else { return nil }
    let bytes = Array(scanner.rest)
    return .transfer(Self(object: object, annex: annex, offset: offset, operation: .write(bytes)))
  }

  /// `l` and the last window, `m` and one that is followed by more.
  package func window(of content: [UInt8]) -> [UInt8] {
    guard case .read(let length) = operation else { return [] }
    let start = min(offset, content.count)
    let end = min(start + length, content.count)
    let mark = end == content.count ? UInt8(ascii: "l") : UInt8(ascii: "m")
    return [mark] + content[start..<end]
  }
}
