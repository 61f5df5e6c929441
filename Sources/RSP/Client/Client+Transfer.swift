// SPDX-License-Identifier: GPL-3.0-only

extension Client {
  /// More than any object has.
  private static let longestObject = 1 << 28

  /// The whole of an object (`qXfer:OBJECT:read:ANNEX`), window by window.
  package func transfer(
    _ object: String, annex: String = "", _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    var content: [UInt8] = []
    let window = features.packetSize - 16
    while content.count < Self.longestObject {
      let request =
        "qXfer:\(object):read:\(annex):\(String(content.count, radix: 16)),\(String(window, radix: 16))"
      let reply = try exchange(request, patience)
      if reply.isEmpty { throw .unsupported(request: "qXfer:\(object)") }
      if let error = ClientReply.error(reply, to: Array(request.utf8)) { throw error }
      switch reply[0] {
      case UInt8(ascii: "l"): return content + reply.dropFirst()
      case UInt8(ascii: "m") where reply.count > 1: content += reply.dropFirst()
      default: throw ClientReply.malformed(reply, to: Array(request.utf8))
      }
    }
    throw .malformed(request: "qXfer:\(object)", reply: "an object without end")
  }

  /// What a person types after `monitor`; returns what the server prints.
  package func monitor(
    _ command: [UInt8], _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let request = [UInt8]("qRcmd,".utf8) + Hex.encode(command)
    var text: [UInt8] = []
    var reply = try exchange(request, patience)
    while let piece = Console.text(reply) {
      text += piece
      reply = try receive(patience)
    }
    if try check(reply, request).elementsEqual("OK".utf8) { return text }
    guard let rest = Hex.decode(reply) else { throw ClientReply.malformed(reply, to: request) }
    return text + rest
  }
}
