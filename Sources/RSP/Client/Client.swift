// SPDX-License-Identifier: GPL-3.0-only
internal import Linux

/// The client's half of the protocol, all-stop: asks a server, waits for its answers and its stops.
///
/// One thread at a time may use it; `interrupt` alone may be called while another one waits for a
/// stop. Each call that may wait takes a `Patience`. After `.disconnected` and `.timedOut` the client
/// is of no use any more: nobody knows which answers are still to come. After `.cancelled` it is: what
/// was still owed is passed over when it comes.
package final class Client {
  /// Requests that are on their way at once, so that neither side's buffers fill up.
  private static let longestPipeline = 64

  private let channel: Channel
  // Ends with the client, after the channel.
  private let command: PipedCommand?
  private let log: ((Connection.Direction, [UInt8]) -> Void)?
  private var framing = ClientFraming()
  /// Answers to come whose askers have given up.
  private var stale = 0
  private var isBroken = false

  package internal(set) var features = ServerFeatures()
  /// Names of the actions of `vCont`; empty when the server has only the older packets.
  package internal(set) var resumeActions: Set<String> = []
  package internal(set) var registers: RegisterMap = .amd64
  /// How long the first answers took: the link, above all.
  package internal(set) var roundTrip = Duration.seconds(0)
  /// Packets that the server was found not to know.
  var unsupported: Set<String> = []
  /// The thread that g, G, p, P, m and M are about.
  var selected: ThreadName?
  /// Takes what the program or the server prints to the console.
  package var console: (([UInt8]) -> Void)?

  package init(
    _ connection: consuming ServerConnection,
    log: ((Connection.Direction, [UInt8]) -> Void)? = nil
  ) {
    channel = connection.channel
    command = connection.command
    self.log = log
  }

  /// Readable when something has come that nobody waits for: a stop, or the connection's end.
  package var descriptor: Int32 { channel.input }

  /// Whether requests can be on their way together.
  package var pipelines: Bool { !framing.acknowledges }

  // MARK: Requests
  package func exchange(
    _ request: [UInt8], _ patience: Patience
  ) throws(ClientError) -> [UInt8] {
    try exchange([request], patience)[0]
  }

  package func exchange(_ request: String, _ patience: Patience) throws(ClientError) -> [UInt8] {
    try exchange(Array(request.utf8), patience)
  }

  /// The answers to requests that do not depend on each other, in their order.
  ///
  /// Over a slow link this takes the time of one: the next request does not wait for the last one's
  /// answer, unless the server acknowledges packets.
  package func exchange(
    _ requests: [[UInt8]], _ patience: Patience
  ) throws(ClientError) -> [[UInt8]] {
    var replies: [[UInt8]] = []
    var sent = 0
    let depth = framing.acknowledges ? 1 : Self.longestPipeline
    do throws(ClientError) {
      while replies.count < requests.count {
        while sent < requests.count, sent - replies.count < depth {
          enqueue(requests[sent])
          sent += 1
        }
        replies.append(try receive(patience))
      }
      return replies
    } catch {
      // Sent or gathered to be sent: the server will see them all.
      stale += sent - replies.count
      if error != .cancelled { isBroken = true }
      throw error
    }
  }

  /// Sends what is answered by a stop, or not at all.
  package func send(_ request: [UInt8], _ patience: Patience) throws(ClientError) {
    enqueue(request)
    try flush(patience)
  }

  /// Throws when the server is gone: what must not be done twice is then not asked for at all.
  func requireServer() throws(ClientError) {
    if channel.isEnded {
      isBroken = true
      throw .disconnected
    }
  }

  /// Asks a running program to stop.
  package func interrupt(_ patience: Patience) throws(ClientError) {
    try channel.send([0x03], patience)
  }

  /// The next packet that is the answer to nothing that was given up.
  package func receive(_ patience: Patience) throws(ClientError) -> [UInt8] {
    while true {
      let content = try receiveAny(patience)
      if stale == 0 { return content }
      // What the console shows belongs to an answer that is yet to come.
      if !Console.isText(content) { stale -= 1 }
    }
  }

  private func receiveAny(_ patience: Patience) throws(ClientError) -> [UInt8] {
    if isBroken { throw .disconnected }
    var arrived: [UInt8] = []
    while true {
      let content = try framing.next()
      do throws(ClientError) {
        try flush(patience)
      } catch {
        // A server that ends with its program may be gone before its last words are acknowledged.
        guard content != nil else { throw error }
      }
      if let content {
        log?(.received, content)
        return content
      }
      try patience.wait(for: channel.input)
      guard channel.receive(into: &arrived) else { throw .disconnected }
      framing.feed(arrived)
    }
  }

  private func enqueue(_ request: [UInt8]) {
    log?(.sent, request)
    framing.send(request)
  }

  private func flush(_ patience: Patience) throws(ClientError) {
    let output = framing.takeOutput()
    guard !output.isEmpty else { return }
    do throws(ClientError) {
      try channel.send(output, patience)
    } catch {
      // Part of a frame may be on its way.
      isBroken = true
      throw error
    }
  }

  /// Acknowledges the last packet and nothing after it.
  func endAcknowledgements(_ patience: Patience) throws(ClientError) {
    try flush(patience)
    framing.endAcknowledgements()
  }
}

/// `O` and hex digits: text for the console. `OK` is none.
enum Console {
  static func isText(_ content: [UInt8]) -> Bool {
    content.first == UInt8(ascii: "O") && content.count >= 3
  }

  static func text(_ content: [UInt8]) -> [UInt8]? {
    isText(content) ? Hex.decode(content.dropFirst()) : nil
  }
}
