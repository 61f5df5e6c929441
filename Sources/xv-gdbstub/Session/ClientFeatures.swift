// SPDX-License-Identifier: GPL-3.0-only
internal import RSP

/// What the client said in `qSupported` that it understands; nothing until it says so.
struct ClientFeatures {
  var isMultiprocess = false
  var understandsSoftwareBreak = false
  var understandsHardwareBreak = false
  var understandsExec = false
  var understandsErrorMessages = false
}

extension StubSession {
  /// `qSupported`: names are matched exactly, and what is not known is passed over.
  func negotiate(_ offers: [FeatureOffer]) -> Reply {
    client = ClientFeatures()
    for offer in offers where offer.stance == .yes {
      switch offer.name {
      case "multiprocess": client.isMultiprocess = true
      case "swbreak": client.understandsSoftwareBreak = true
      case "hwbreak": client.understandsHardwareBreak = true
      case "exec-events": client.understandsExec = true
      case "error-message": client.understandsErrorMessages = true
      default: break
      }
    }
    var supported = [
      "PacketSize=\(String(Connection.packetSize, radix: 16))",
      "QStartNoAckMode+", "vContSupported+", "QPassSignals+", "QProgramSignals+",
      "binary-upload+",
    ]
    supported += TransferPacket.Object.allCases.map { "qXfer:\($0.rawValue):read+" }
    if client.isMultiprocess { supported.append("multiprocess+") }
    if client.understandsSoftwareBreak { supported.append("swbreak+") }
    if client.understandsHardwareBreak { supported.append("hwbreak+") }
    if client.understandsExec { supported.append("exec-events+") }
    if client.understandsErrorMessages { supported.append("error-message+") }
    return Reply(supported.joined(separator: ";"))
  }
}
