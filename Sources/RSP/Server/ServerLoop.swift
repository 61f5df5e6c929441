// SPDX-License-Identifier: GPL-3.0-only

/// Serves one client until it is gone or there is nothing more to serve.
///
/// Blocks in one `poll` on the client, on the responder's stops and on a wakeup, so that a stop, a
/// ^C, a client that vanished and a request to end are all seen at once.
package struct ServerLoop {
  /// Why the client is served no more.
  package enum Ending: Hashable, Sendable {
    /// The connection is closed or broken; the program is as it was.
    case clientGone
    /// The responder gave its last answer.
    case finished
    /// The wakeup descriptor became readable.
    case woken
  }

  private let responder: any Responder
  private let wakeupDescriptor: Int32
  private var connection: Connection

  package init(
    responder: any Responder, wakeupDescriptor: Int32,
    log: ((Connection.Direction, [UInt8]) -> Void)? = nil
  ) {
    self.responder = responder
    self.wakeupDescriptor = wakeupDescriptor
    self.connection = Connection(log: log)
  }

  /// Returns when the client is gone, the last answer is given, or the wakeup has come.
  package mutating func serve(_ channel: borrowing Channel) -> Ending {
    responder.clientConnected()
    var session = ServerSession()
    var readiness = Readiness([channel.input, responder.stopDescriptor, wakeupDescriptor, -1])
    var arrived: [UInt8] = []
    while true {
      session = advance(session)
      let isInterim = connection.holdsMuch
      guard channel.send(connection.takeOutput(), unlessReadable: wakeupDescriptor) else {
        return readiness.isReadableNow(2) ? .woken : .clientGone
      }
      var isRunning = false
      switch consume session {
      case .over: return .finished
      case .running(let running) where running.isFlooded: return .clientGone
      case .running(let running):
        isRunning = true
        session = .running(running)
      case .stopped(let stopped): session = .stopped(stopped)
      }
      if isInterim { continue }
      // Another program may have taken the place of the last one.
      readiness.replace(1, with: responder.stopDescriptor)
      // A client that is owed nothing does not expect output.
      readiness.replace(3, with: isRunning ? responder.consoleDescriptor : -1)
      readiness.wait()
      if readiness.isReadable(2) { return .woken }
      if readiness.isReadable(0) {
        guard channel.receive(into: &arrived) else { return .clientGone }
        connection.feed(arrived)
      }
      if readiness.isReadable(3) { connection.sendConsole(responder.takeConsole()) }
      if readiness.isReadable(1) { session = takeStop(session) }
    }
  }

  /// Goes through what has arrived: all of it, or as much as makes a lot to send.
  private mutating func advance(_ session: consuming ServerSession) -> ServerSession {
    var session = session
    while true {
      switch consume session {
      case .over: return .over
      case .stopped(let stopped) where connection.holdsMuch: return .stopped(stopped)
      case .running(let running) where connection.holdsMuch: return .running(running)
      case .stopped(var stopped):
        guard let event = stopped.next(from: &connection) else { return .stopped(stopped) }
        switch event {
        case .packet(let packet):
          session = stopped.answer(packet, by: responder, on: &connection)
        case .interrupt:
          responder.interrupt()
          session = .stopped(stopped)
        }
      case .running(let running):
        guard let event = connection.next() else { return .running(running) }
        switch event {
        case .packet(let packet):
          session = running.answer(packet, by: responder, on: &connection)
        case .interrupt:
          responder.interrupt()
          session = .running(running)
        }
      }
    }
  }

  private mutating func takeStop(_ session: consuming ServerSession) -> ServerSession {
    switch consume session {
    case .over: return .over
    case .stopped(let stopped):
      // The program was found dead, say, or its threads stop one by one.
      if let notification = responder.takeNotification() { connection.notify(notification) }
      return .stopped(stopped)
    case .running(let running):
      guard let reply = responder.takeStopReply() else { return .running(running) }
      connection.sendConsole(responder.takeConsole())
      return running.report(reply, on: &connection)
    }
  }
}
