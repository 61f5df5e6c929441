// SPDX-License-Identifier: GPL-3.0-only

/// The forms that most answers have.
enum ClientReply {
  /// The request's name for messages: what stands before its arguments.
  static func name(of request: [UInt8]) -> String {
    let text = String(decoding: request.prefix(80), as: UTF8.self)
    guard let first = text.first else { return "" }
    if first == "q" || first == "Q" || first == "v" {
      return String(text.prefix { $0 != ":" && $0 != ";" && $0 != "," })
    }
    return first == "Z" || first == "z" ? String(text.prefix(2)) : String(first)
  }

  /// `E` and two digits, with more behind `;` from lldb's servers, or `E.` and words.
  static func error(_ reply: [UInt8], to request: [UInt8]) -> ClientError? {
    guard reply.first == UInt8(ascii: "E"), reply.count >= 3 else { return nil }
    let name = name(of: request)
    if reply[1] == UInt8(ascii: ".") {
      let text = String(decoding: reply.dropFirst(2), as: UTF8.self)
      return .refused(request: name, number: nil, text: text)
    }
    guard let high = Hex.value(of: reply[1]), let low = Hex.value(of: reply[2]) else { return nil }
    // A register's value may begin with an E too, but none of three digits.
    guard reply.count == 3 || reply[3] == UInt8(ascii: ";") else { return nil }
    let text = Hex.decode(reply.dropFirst(4)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return .refused(request: name, number: Int(high) * 16 + Int(low), text: text)
  }

  static func malformed(_ reply: [UInt8], to request: [UInt8]) -> ClientError {
    .malformed(request: name(of: request), reply: String(decoding: reply, as: UTF8.self))
  }
}

extension Client {
  /// The answer, unless it is an error or the empty one of a server that does not know the request.
  package func ask(_ request: [UInt8], _ patience: Patience) throws(ClientError) -> [UInt8] {
    let name = ClientReply.name(of: request)
    if unsupported.contains(name) { throw .unsupported(request: name) }
    return try check(try exchange(request, patience), request)
  }

  package func ask(_ request: String, _ patience: Patience) throws(ClientError) -> [UInt8] {
    try ask(Array(request.utf8), patience)
  }

  /// Throws unless the answer is `OK`.
  package func command(_ request: [UInt8], _ patience: Patience) throws(ClientError) {
    let reply = try ask(request, patience)
    guard reply.elementsEqual("OK".utf8) else { throw ClientReply.malformed(reply, to: request) }
  }

  package func command(_ request: String, _ patience: Patience) throws(ClientError) {
    try command(Array(request.utf8), patience)
  }

  func check(_ reply: [UInt8], _ request: [UInt8]) throws(ClientError) -> [UInt8] {
    if reply.isEmpty {
      let name = ClientReply.name(of: request)
      unsupported.insert(name)
      throw .unsupported(request: name)
    }
    if let error = ClientReply.error(reply, to: request) { throw error }
    return reply
  }
}
