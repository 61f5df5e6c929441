// SPDX-License-Identifier: GPL-3.0-only
internal import RSP
internal import WorldVM
internal import XVCore

/// Of several worlds one may be behind a link that is lost when all are to stop. The others' stop is told
/// nevertheless. That world is away then: nobody knows whether it runs. The client, for which everything
/// stands still now, is told its threads, and an error for whatever it asks of them. When the world answers
/// again it has stopped, because it was asked to; if the client has resumed it meanwhile, it goes on.
extension StubSession {
  /// How long the stop of one world waits for those of others whose links are not known to be lost.
  static let patienceWithOthers = Duration.seconds(3)
  private static let pause = Duration.milliseconds(50)

  /// Waits for the stop of a world that was asked to stop.
  func hasStopped(_ inferior: Inferior, by deadline: ContinuousClock.Instant) -> Bool {
    while inferior.world.lastStop == nil {
      // Its stop is on its way from another machine.
      var readiness = Readiness([inferior.world.stopDescriptor])
      readiness.wait(atMost: Self.pause)
      if !readiness.isReadable(0), !inferior.isReached || ContinuousClock.now >= deadline { return false }
    }
    return true
  }

  func leave(_ inferior: Inferior) {
    inferior.runningPlan = nil
    guard !inferior.isAway else { return }
    inferior.isAway = true
    Diagnostics.print("xv-gdbstub: \(inferior.world.name) does not answer; it is left out until it does")
  }

  /// The world answers again. Whether its stop is one for the client, who has resumed it meanwhile.
  func comesBack(_ inferior: Inferior, with event: StopEvent) -> Bool {
    inferior.isAway = false
    Diagnostics.print("xv-gdbstub: \(inferior.world.name) answers again")
    if !event.reason.isEnd { carryOutRemovals(in: inferior) }
    guard let plan = inferior.runningPlan else {
      if event.reason == .interrupted { inferior.lastStop = event } else { inferior.untold.append(event) }
      return false
    }
    guard event.reason == .interrupted, interruption == .none else { return true }
    do throws(WorldError) {
      try inferior.world.start(plan)
      return false
    } catch {
      return true
    }
  }

  private func carryOutRemovals(in inferior: Inferior) {
    let removals = inferior.removals
    inferior.removals = []
    for packet in removals {
      do throws(WorldError) {
        _ = try with(inferior) { () throws(WorldError) in try respond(to: packet) }
      } catch {
        // A breakpoint that is gone already is what was wanted.
      }
    }
  }

  /// gdb takes all breakpoints away at each stop and sets them again before it goes on. What it sets anew
  /// cannot be set now.
  func later(_ packet: BreakpointPacket) throws(WorldError) -> Reply {
    let removal = BreakpointPacket(
      kind: packet.kind, address: packet.address, size: packet.size, inserts: false)
    if packet.inserts {
      guard current.removals.remove(removal) != nil else { throw absence(of: current) }
      agent.set(packet)
    } else {
      current.removals.insert(removal)
    }
    return .ok
  }

  func clearLater() {
    for (address, kinds) in breakpoints.kinds {
      for kind in kinds {
        current.removals.insert(
          BreakpointPacket(kind: kind, address: address.rawValue, size: 1, inserts: false))
      }
    }
    for watchpoint in watchpoints {
      current.removals.insert(
        BreakpointPacket(
          kind: WatchHit(watchpoint.kind, at: watchpoint.address).wireKind, address: watchpoint.address.rawValue,
          size: watchpoint.length, inserts: false))
    }
  }

  /// The same inferior, if its machine can be asked.
  func reached(_ inferior: Inferior) throws(WorldError) -> Inferior {
    if inferior.isAway { throw absence(of: inferior) }
    return inferior
  }

  private func absence(of inferior: Inferior) -> WorldError {
    var link = ""
    if let remote = inferior.world as? RemoteWorld { link = " (\(remote.link.state))" }
    return .refused("\(inferior.world.name) does not answer\(link)")
  }
}

extension Packet {
  /// Whether the answer is the current program's machine's alone.
  var asksMachine: Bool {
    switch self {
    case .register, .memory, .catchCalls, .file, .debugger, .thread(.localAddress): true
    case .transfer(let packet):
      switch packet.object {
      case .auxiliaryVector, .libraries, .signalInformation: true
      case .features, .executableFile, .systemTables, .threads: false
      }
    case .monitor(let command): command.starts(with: Array("xv maplog".utf8))
    case .breakpoint, .resume, .process, .thread, .signals, .threadMode, .platform, .launch, .supported, .symbols,
      .startNoAckMode, .unknown, .malformed:
      false
    }
  }
}
