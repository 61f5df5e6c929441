// SPDX-License-Identifier: GPL-3.0-only

/// One of several clients that are served at once: its connection, its session, and what waits to be
/// sent.
///
/// Nothing here blocks: a client that reads slowly waits for its own replies and keeps nobody else
/// waiting. Its loop calls `receive` when there is something to read, `send` when it can be written to,
/// and `takeStop` when its responder may have a stop for it.
package final class ConnectedClient {
  package let responder: any Responder
  /// The connection is closed or broken.
  package private(set) var isGone = false
  /// The responder gave its last answer.
  package private(set) var isOver = false

  private let channel: Channel
  private var connection: Connection
  /// Nil while a step is being made.
  private var session: ServerSession? = ServerSession()
  private var unsent: ArraySlice<UInt8> = []

  package init(
    _ channel: consuming Channel, responder: any Responder,
    log: ((Connection.Direction, [UInt8]) -> Void)? = nil
  ) {
    self.channel = channel
    self.responder = responder
    connection = Connection(log: log)
  }

  package var descriptor: Int32 { channel.input }
  /// While it is, nothing is to be received: the client is to read first.
  package var isSending: Bool { !unsent.isEmpty }
  /// Whether there is nothing more to do for it.
  package var isDone: Bool { isGone || isOver && !isSending }

  /// Takes in what has arrived, and answers it.
  package func receive() {
    var arrived: [UInt8] = []
    guard channel.receive(into: &arrived) else { return isGone = true }
    connection.feed(arrived)
    advance()
  }

  /// Sends the stop that the responder has for it, if it has one.
  package func takeStop() {
    if let session = session.take() {
      self.session = session.takingStop(of: responder, on: &connection)
    }
    // What waited for the stop is answered now.
    advance()
  }

  /// Text for a client that waits for a stop.
  package func sendConsole(_ text: [UInt8]) {
    connection.sendConsole(text)
    send()
  }

  /// Goes on sending, and when all is sent, answering.
  package func send() {
    flush()
    if !isSending { advance() }
  }

  private func advance() {
    var isInterim = true
    while isInterim, !isSending, !isDone {
      if let session = session.take() {
        self.session = session.advanced(on: &connection, by: responder)
      }
      isInterim = connection.holdsMuch
      settle()
      flush()
    }
  }

  private func settle() {
    guard let session = session.take() else { return }
    switch consume session {
    case .over:
      isOver = true
      self.session = .over
    case .running(let running):
      if running.isFlooded { isGone = true }
      self.session = .running(running)
    case .stopped(let stopped): self.session = .stopped(stopped)
    }
  }

  private func flush() {
    unsent += connection.takeOutput()
    while !unsent.isEmpty {
      guard let count = channel.sendSome(unsent) else { return isGone = true }
      if count == 0 { return }
      unsent = unsent.dropFirst(count)
    }
    unsent = []
  }
}
