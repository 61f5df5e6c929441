// SPDX-License-Identifier: GPL-3.0-only

/// One client's side of the framing: what came in becomes packets, replies become bytes to send.
///
/// Owns no descriptor. Bytes to send gather in `output` until the loop takes them.
package struct Connection {
  /// For the log.
  package enum Direction: Hashable, Sendable { case received, sent }
  /// What concerns more than framing.
  package enum Event: Hashable, Sendable {
    case packet(Packet)
    case interrupt
  }

  /// What `qSupported` tells the client as PacketSize.
  package static let packetSize = 0x20000

  private var decoder = FrameDecoder(limit: Connection.packetSize)
  private var acknowledgement = Acknowledgement()
  private var output: [UInt8] = []
  private let log: ((Direction, [UInt8]) -> Void)?

  package init(log: ((Direction, [UInt8]) -> Void)? = nil) { self.log = log }

  /// Takes in what arrived, in pieces of any size.
  package mutating func feed(_ bytes: some Collection<UInt8>) { decoder.feed(bytes) }

  /// The next thing that concerns more than framing; frames that were lost are answered here.
  package mutating func next() -> Event? {
    while let event = decoder.next() {
      switch event {
      case .packet(let content):
        output.append(contentsOf: acknowledgement.answer(toGoodFrame: true))
        log?(.received, content)
        let packet = Packet(content)
        guard packet == .startNoAckMode else { return .packet(packet) }
        send(.ok)
        acknowledgement.turnOff()
      case .interrupt: return .interrupt
      case .acknowledged: break
      // What waits to be sent is sent anyway; a client may refuse thousands of times in a row.
      case .refused where output.isEmpty: output.append(contentsOf: acknowledgement.again())
      case .refused: break
      case .damaged:
        // Without acknowledgements the client cannot be asked to repeat; silence would hang it.
        if acknowledgement.isOn {
          output.append(contentsOf: acknowledgement.answer(toGoodFrame: false))
        } else {
          send(.error(74))
        }
      case .oversized:
        output.append(contentsOf: acknowledgement.answer(toGoodFrame: true))
        send(.error(7))
      }
    }
    return nil
  }

  /// Puts a reply into a frame and into `output`.
  package mutating func send(_ reply: Reply) {
    log?(.sent, reply.content)
    let frame = FrameEncoder.encode(reply.content, shortensRuns: true)
    acknowledgement.sent(frame)
    output.append(contentsOf: frame)
  }

  /// Sends what nobody asked for and nobody acknowledges.
  package mutating func notify(_ notification: Reply) {
    log?(.sent, notification.content)
    output.append(
      contentsOf: FrameEncoder.encode(
        notification.content, shortensRuns: true, isNotification: true))
  }

  /// Console text in `O` packets, each well below the packet size.
  package mutating func sendConsole(_ text: [UInt8]) {
    var rest = text[...]
    while !rest.isEmpty {
      send(Reply([UInt8(ascii: "O")] + Hex.encode(rest.prefix(4096))))
      rest = rest.dropFirst(4096)
    }
  }

  /// Whether so much waits to be sent that nothing more is to be answered before: small packets may
  /// have large replies.
  var holdsMuch: Bool { output.count > 1 << 20 }

  /// The bytes to send now; they count as sent.
  package mutating func takeOutput() -> [UInt8] {
    defer { output.removeAll(keepingCapacity: true) }
    return output
  }
}
