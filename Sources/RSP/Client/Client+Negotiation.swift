// SPDX-License-Identifier: GPL-3.0-only
internal import Linux

extension Client {
  /// What is told in `qSupported`: events that nobody here could use are not offered.
  private static let offers = [
    "multiprocess+", "swbreak+", "hwbreak+", "exec-events+", "vContSupported+", "error-message+",
    "binary-upload+", "xv-moves+", "xmlRegisters=i386",
  ]

  /// Connects and agrees with the server on everything; one attempt.
  package static func connect(
    to place: ServerPlace, _ patience: Patience,
    log: ((Connection.Direction, [UInt8]) -> Void)? = nil
  ) throws(ClientError) -> Client {
    let client = Client(try ServerConnection.open(place, patience), log: log)
    try client.negotiate(patience)
    return client
  }

  /// Before anything else is asked.
  package func negotiate(_ patience: Patience) throws(ClientError) {
    let request = "qSupported:" + Self.offers.joined(separator: ";")
    features = ServerFeatures(try exchange(request, patience))
    if features.has("QStartNoAckMode"),
      try exchange("QStartNoAckMode", patience).elementsEqual("OK".utf8)
    {
      try endAcknowledgements(patience)
    }
    // gdbserver 16.3 ends when it is asked for its registers before it was told a thread.
    let began = ContinuousClock.now
    let first = try exchange(["Hg0", "vCont?"].map { Array($0.utf8) }, patience)
    roundTrip = ContinuousClock.now - began
    if first[1].starts(with: "vCont".utf8) {
      let actions = String(decoding: first[1].dropFirst(5), as: UTF8.self).split(separator: ";")
      resumeActions = Set(actions.map(String.init))
    }
    if features.has("qXfer:features:read") { registers = try readRegisterMap(patience) }
  }

  /// The register description, with the documents that it includes.
  private func readRegisterMap(_ patience: Patience) throws(ClientError) -> RegisterMap {
    var reader = TargetDescriptionReader()
    while let annex = reader.wanted {
      reader.add(try transfer("features", annex: annex, patience), named: annex)
    }
    guard let map = reader.map else {
      throw .malformed(request: "qXfer:features", reply: reader.failure ?? "no registers")
    }
    return map
  }
}
