// SPDX-License-Identifier: GPL-3.0-only

extension Client {
  /// All registers of a thread as `g` tells them; what the server does not know (`xx`) is zero.
  package func readRegisters(
    of thread: ThreadName, _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let reply = try about(thread, [UInt8(ascii: "g")], patience)
    let known = reply.map { $0 == UInt8(ascii: "x") ? UInt8(ascii: "0") : $0 }
    guard let bytes = Hex.decode(known) else { throw ClientReply.malformed(reply, to: [0x67]) }
    return bytes
  }

  /// One register by its number.
  package func readRegister(
    _ number: Int, of thread: ThreadName, _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let request = Array("p\(String(number, radix: 16))".utf8)
    let reply = try about(thread, request, patience)
    guard let bytes = Hex.decode(reply) else { throw ClientReply.malformed(reply, to: request) }
    return bytes
  }

  /// All registers, as `g` told them.
  package func writeRegisters(
    _ bytes: [UInt8], of thread: ThreadName, _ patience: Patience
  ) throws(ClientError) {
    try expectOK(try about(thread, [UInt8(ascii: "G")] + Hex.encode(bytes), patience))
  }

  package func writeRegister(
    _ number: Int, _ bytes: [UInt8], of thread: ThreadName, _ patience: Patience
  ) throws(ClientError) {
    let request = Array("P\(String(number, radix: 16))=".utf8) + Hex.encode(bytes)
    try expectOK(try about(thread, request, patience))
  }

  private func expectOK(_ reply: [UInt8]) throws(ClientError) {
    guard reply.elementsEqual("OK".utf8) else { throw ClientReply.malformed(reply, to: [0x50]) }
  }

  /// Chooses the thread and asks in one round trip.
  private func about(
    _ thread: ThreadName, _ request: [UInt8], _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    let name = ClientReply.name(of: request)
    if unsupported.contains(name) { throw .unsupported(request: name) }
    if selected == thread { return try check(try exchange(request, patience), request) }
    selected = nil
    let selection = [UInt8]("Hg".utf8) + encoded(thread)
    let replies = try exchange([selection, request], patience)
    if let error = ClientReply.error(replies[0], to: selection) { throw error }
    selected = thread
    return try check(replies[1], request)
  }
}
