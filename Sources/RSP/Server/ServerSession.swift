// SPDX-License-Identifier: GPL-3.0-only

/// One client's session, by what the client may expect next.
///
/// The states cannot be copied, and only `Running`, which only a resume makes, can send a stop
/// reply, which uses it up: a stop reply is sent once for each resume and never otherwise.
package enum ServerSession: ~Copyable {
  case stopped(Stopped)
  case running(Running)
  /// The server has nothing more to do for anybody.
  case over

  package init() { self = .stopped(Stopped()) }

  /// Goes through what has arrived: all of it, or as much as makes a lot to send.
  package consuming func advanced(
    on connection: inout Connection, by responder: any Responder
  ) -> ServerSession {
    var session = self
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

  /// Takes what the responder's stop descriptor tells of.
  package consuming func takingStop(
    of responder: any Responder, on connection: inout Connection
  ) -> ServerSession {
    switch consume self {
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

/// The client has the word; the program stands still.
package struct Stopped: ~Copyable {
  /// Packets that came too early, oldest first: they were kept while the program ran.
  fileprivate var kept: ArraySlice<Packet> = []

  fileprivate init(kept: ArraySlice<Packet> = []) { self.kept = kept }

  /// The next packet or interrupt: what was kept comes before what arrives.
  package mutating func next(from connection: inout Connection) -> Connection.Event? {
    kept.popFirst().map { .packet($0) } ?? connection.next()
  }

  package consuming func answer(
    _ packet: Packet, by responder: any Responder, on connection: inout Connection
  ) -> ServerSession {
    switch responder.answer(packet) {
    case .reply(let reply): connection.send(reply)
    case .console(let text, let reply):
      connection.sendConsole(text)
      connection.send(reply)
    case .announced(let reply, let notification):
      connection.send(reply)
      connection.notify(notification)
    case .silence: break
    case .resumed: return .running(Running(kept: kept))
    case .last(let reply):
      if let reply { connection.send(reply) }
      return .over
    }
    return .stopped(self)
  }
}

/// The program runs; the client is owed one stop reply.
package struct Running: ~Copyable {
  /// More than any client sends ahead; beyond it the client is broken and is cut off.
  private static let mostKept = 64
  private var kept: ArraySlice<Packet>

  fileprivate init(kept: ArraySlice<Packet>) { self.kept = kept }

  /// The client sent more ahead than any client does.
  package var isFlooded: Bool { kept.count > Self.mostKept }

  /// Sends the stop reply that is owed; what was kept is answered next.
  package consuming func report(
    _ reply: Reply, on connection: inout Connection
  ) -> ServerSession {
    connection.send(reply)
    return .stopped(Stopped(kept: kept))
  }

  /// Few packets make sense while the program runs; the others wait for the stop.
  package consuming func answer(
    _ packet: Packet, by responder: any Responder, on connection: inout Connection
  ) -> ServerSession {
    switch responder.answerWhileRunning(packet) {
    case nil: kept.append(packet)
    case .reply(let reply): connection.send(reply)
    case .last(let reply):
      if let reply { connection.send(reply) }
      return .over
    case .console(_, _), .announced(_, _), .resumed, .silence: break
    }
    return .running(self)
  }
}
