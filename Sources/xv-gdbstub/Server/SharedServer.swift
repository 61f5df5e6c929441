// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
internal import RSP

extension Server {
  /// Waits for clients at a socket, and serves all that are there at once (`--world`).
  ///
  /// One thread, one wait: for clients, for their packets, for room to answer them, for stops and for the
  /// wish to end.
  func share(_ listener: borrowing Listener) throws(EndpointError) {
    let shared = SharedSession(session)
    var clients: [ConnectedClient] = []
    var hadClient = false
    while true {
      if clients.isEmpty, hadClient && servesOnce || session.hasEnded { return }
      var readiness = Readiness([listener.descriptor, session.stopDescriptor, wakeup.descriptor])
      for client in clients { readiness.append(client.descriptor, forWriting: client.isSending) }
      readiness.wait()
      if readiness.isReadable(2) { return }
      if readiness.isReadable(1) { shared.takeStops() }
      for (index, client) in clients.enumerated() where readiness.isReadable(3 + index) {
        if client.isSending { client.send() } else { client.receive() }
      }
      tellStops(clients)
      if ends(clients, shared) { return }
      for client in clients where client.isDone { leave(client, shared) }
      clients.removeAll(where: \.isDone)
      if readiness.isReadable(0), let client = try join(listener, shared) {
        clients.append(client)
        hadClient = true
      }
    }
  }

  private func join(
    _ listener: borrowing Listener, _ shared: SharedSession
  ) throws(EndpointError) -> ConnectedClient? {
    guard let channel = try listener.accept() else { return nil }
    if session.isNonStop {
      Diagnostics.print("xv-gdbstub: a client was sent away: \(shared.driverText), thread by thread")
      return nil
    }
    let desk = shared.join(peer: channel.peer)
    let role = desk.isDriving ? "" : "; it looks on"
    if let peer = channel.peer { Diagnostics.print("Remote debugging from \(peer)\(role)") }
    var log: ((Connection.Direction, [UInt8]) -> Void)?
    if logsPackets { log = { Diagnostics.packet($0, $1) } }
    return ConnectedClient(channel, responder: desk, log: log)
  }

  /// What one client did may have stopped the programs, for all.
  private func tellStops(_ clients: [ConnectedClient]) {
    for client in clients {
      guard let desk = client.responder as? ClientDesk, !client.isDone else { continue }
      if !desk.announcement.isEmpty {
        client.sendConsole(desk.announcement)
        desk.announcement = []
      }
      client.takeStop()
    }
  }

  /// Whether the client that drove has ended what there was to serve.
  private func ends(_ clients: [ConnectedClient], _ shared: SharedSession) -> Bool {
    guard clients.contains(where: { ($0.responder as? ClientDesk)?.endsServer == true }) else {
      return false
    }
    shared.tellEnd()
    tellStops(clients)
    return true
  }

  private func leave(_ client: ConnectedClient, _ shared: SharedSession) {
    guard let desk = client.responder as? ClientDesk else { return }
    let drove = desk.isDriving
    shared.leave(desk)
    let state = !drove || session.hasEnded ? "" : "  The program is kept stopped."
    Diagnostics.print("Remote side has terminated connection.\(state)")
    // A process of this machine that was taken hold of goes on when nobody is left.
    if shared.clients.isEmpty, session.isAttached { session.end() }
  }
}
