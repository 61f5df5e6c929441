// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
internal import RSP
internal import WorldVM
internal import XVCore

extension StubCommand {
  /// A server of worlds that are there already (`--world`).
  func serve(
    _ places: [String], _ options: LaunchOptions, _ wakeup: consuming Wakeup
  ) throws -> Server {
    var worlds: [any World] = []
    for place in places {
      worlds.append(try getWorld(where: place, options: options) { Self.report($0, of: place) })
    }
    let session = StubSession(worlds: worlds, layout: try RegisterLayout(worlds: worlds))
    session.disabledPackets = debugging.disabledPackets
    let elsewhere = worlds.filter { $0.isElsewhere && !($0 is SwapWorld) }
    if !elsewhere.isEmpty {
      // Whoever waits for another machine waits no longer than the server lives.
      let descriptor = wakeup.descriptor
      DetachedThread.start {
        var readiness = Readiness([descriptor])
        readiness.wait()
        for world in elsewhere { world.invalidate() }
      }
    }
    wakeup.arm()
    for inferior in session.inferiors {
      Diagnostics.print("Serving \(inferior.world.name); pid = \(inferior.processID)")
    }
    return Server(
      session: session, wakeup: wakeup, servesOnce: once,
      logsPackets: debugging.topics.contains(.remote))
  }

  /// One line when the link is lost and one when it is back.
  private static func report(_ state: LinkState, of place: String) {
    switch state {
    case .connected: Diagnostics.print("xv-gdbstub: \(place) answers again")
    case .reconnecting(let attempt, let reason) where attempt == 1:
      Diagnostics.print("xv-gdbstub: waiting for \(place): \(reason)")
    case .reconnecting, .closed: break
    }
  }
}
