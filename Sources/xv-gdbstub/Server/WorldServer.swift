// SPDX-License-Identifier: GPL-3.0-only
internal import Linux
internal import RSP
internal import WorldVM
internal import XVCore

extension StubCommand {
  /// A server of a world that is there already (`--world`).
  func serve(
    _ place: String, _ options: LaunchOptions, _ wakeup: consuming Wakeup
  ) throws -> Server {
    let world = try getWorld(where: place, options: options) { Self.report($0, of: place) }
    let session = StubSession(world: world, layout: try RegisterLayout(world: world))
    if world.isElsewhere, !(world is SwapWorld) {
      // Whoever waits for another machine waits no longer than the server lives.
      let descriptor = wakeup.descriptor
      DetachedThread.start {
        var readiness = Readiness([descriptor])
        readiness.wait()
        world.invalidate()
      }
    }
    wakeup.arm()
    Diagnostics.print("Serving \(world.name); pid = \(world.processID)")
    return Server(session: session, wakeup: wakeup, servesOnce: once, logsPackets: debugging.topics.contains(.remote))
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
