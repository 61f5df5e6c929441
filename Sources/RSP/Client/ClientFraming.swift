// SPDX-License-Identifier: GPL-3.0-only

/// A client's side of the framing: replies come out of it, requests become bytes to send.
///
/// Owns no descriptor. Bytes to send gather in `output`, acknowledgements among them.
struct ClientFraming {
  /// No reply is longer: the windows of long objects are asked for one by one.
  private static let longestReply = 1 << 24

  private var decoder = FrameDecoder(limit: longestReply, expandsRuns: true)
  private var acknowledgement = Acknowledgement()
  private var output: [UInt8] = []

  var acknowledges: Bool { acknowledgement.isOn }

  mutating func feed(_ bytes: [UInt8]) { decoder.feed(bytes) }

  mutating func send(_ content: [UInt8]) {
    let frame = FrameEncoder.encode(content, shortensRuns: false)
    acknowledgement.sent(frame)
    output += frame
  }

  /// The content of the next frame; nil when more bytes are needed.
  mutating func next() throws(ClientError) -> [UInt8]? {
    while let event = decoder.next() {
      switch event {
      case .packet(let content):
        output += acknowledgement.answer(toGoodFrame: true)
        return content
      case .refused: output += acknowledgement.again()
      case .damaged, .oversized:
        // Without acknowledgements the server cannot be asked to repeat.
        guard acknowledgement.isOn else { throw .disconnected }
        output += acknowledgement.answer(toGoodFrame: false)
      case .acknowledged, .interrupt: break
      }
    }
    return nil
  }

  /// After the server's `OK` to `QStartNoAckMode` has been acknowledged.
  mutating func endAcknowledgements() { acknowledgement.turnOff() }

  /// The bytes to send now; they count as sent.
  mutating func takeOutput() -> [UInt8] {
    defer { output.removeAll(keepingCapacity: true) }
    return output
  }
}
