// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
package import RSP

/// Serves one client after the other until there is nothing left to serve.
package struct Server: ~Copyable {
  package let session: StubSession
  let wakeup: Wakeup
  /// End with the first client, and end the program with it.
  let servesOnce: Bool
  let logsPackets: Bool
  /// Serve on when there is no program (`--multi`).
  let outlivesPrograms: Bool

  package init(
    session: StubSession, wakeup: consuming Wakeup, servesOnce: Bool, logsPackets: Bool,
    outlivesPrograms: Bool = false
  ) {
    self.session = session
    self.wakeup = wakeup
    self.servesOnce = servesOnce
    self.logsPackets = logsPackets
    self.outlivesPrograms = outlivesPrograms
  }

  /// Waits for clients at a socket.
  package func run(_ listener: borrowing Listener) throws(EndpointError) {
    repeat {
      guard waitForClient(listener) else { return }
      guard let channel = try listener.accept() else { continue }
      if let peer = channel.peer { Diagnostics.print("Remote debugging from \(peer)") }
      guard serve(channel) else { return }
      var state = session.letAttachedGo() ? "  The program goes on without it." : ""
      if !session.hasEnded { state += "  The program is kept stopped." }
      Diagnostics.print("Remote side has terminated connection." + state)
      guard hasWork else { return }
      session.keepStopped()
    } while true
  }

  /// Serves the one client that is there; whether another may follow.
  func serve(_ channel: borrowing Channel) -> Bool {
    var log: ((Connection.Direction, [UInt8]) -> Void)?
    if logsPackets { log = { Diagnostics.packet($0, $1) } }
    var loop = ServerLoop(
      responder: session, wakeupDescriptor: wakeup.descriptor, log: log)
    switch loop.serve(channel) {
    case .finished, .woken: return false
    case .clientGone: return !servesOnce && hasWork
    }
  }

  /// Whether there is something to serve to a next client.
  private var hasWork: Bool { outlivesPrograms || session.isExtended || !session.hasEnded }

  /// False when the server is to end, or the program has ended and nobody saw it.
  private func waitForClient(_ listener: borrowing Listener) -> Bool {
    // A client that vanished may have left the program running: its stop comes first.
    while session.isRunning {
      var readiness = Readiness([session.stopDescriptor, wakeup.descriptor])
      readiness.wait()
      if readiness.isReadable(1) { return false }
      session.absorbStop()
    }
    var readiness = Readiness([listener.descriptor, session.stopDescriptor, wakeup.descriptor])
    while hasWork {
      readiness.wait()
      if readiness.isReadable(2) { return false }
      if readiness.isReadable(1) { session.absorbStop() }
      if readiness.isReadable(0) { return true }
    }
    return false
  }
}
