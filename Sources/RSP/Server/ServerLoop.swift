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
      session = session.advanced(on: &connection, by: responder)
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
      if readiness.isReadable(1) { session = session.takingStop(of: responder, on: &connection) }
    }
  }
}
