// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import Linux
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: ProcessPacket) throws(WorldError) -> Answer {
    switch packet {
    // What is not there has no thread to tell of.
    case .status where isNonStop: return .reply(hasEnded ? .ok : allStops())
    // lldb takes an end for that of a program that it knows.
    case .status where client.isLLDB && world is NoWorld: return .reply(.error(ESRCH))
    case .status: return .reply(stopReply())
    case .attached: return .reply(Reply(world.isAttached ? "1" : "0"))
    case .kill:
      kill()
      // lldb waits for an answer, gdb for none.
      let reply = client.isLLDB ? stopReply() : nil
      return isExtended ? reply.map { .reply($0) } ?? .silence : .last(reply)
    case .killProcess(let process):
      guard let inferior = inferior(of: process) else { return .reply(.error(ESRCH)) }
      kill(inferior)
      leaveEnded()
      return isExtended || !hasEnded ? .reply(.ok) : .last(.ok)
    case .detach(let process):
      let process = process ?? UInt64(current.processID)
      guard let inferior = inferior(of: process) else {
        if hasEnded { throw .badWorld("the program has ended") }
        return .reply(.error(ESRCH))
      }
      try with(inferior) { () throws(WorldError) in try detach() }
      leaveEnded()
      return isExtended || !hasEnded ? .reply(.ok) : .last(.ok)
    }
  }

  /// Ends the programs, if they have not ended.
  package func kill() { living.forEach(kill) }

  private func kill(_ inferior: Inferior) {
    // What cannot be killed is gone already.
    if inferior.isAway {
      inferior.world.invalidate()
    } else {
      do throws(WorldError) { try inferior.world.kill() } catch {}
    }
    inferior.lastStop = StopEvent(
      thread: ThreadID(inferior.world.processID), reason: .killed(SIGKILL))
    inferior.runningPlan = nil
  }

  /// Lets the current program go on natively.
  ///
  /// A signal at which it stands still is delivered if the client lets the program have such
  /// signals; without word from it, gdb's defaults count.
  func detach() throws(WorldError) {
    if current.isOver { throw .badWorld("the program has ended") }
    clearBreakpoints()
    var signal: Int32 = 0
    if case .signal(let number) = lastStop.reason,
      programSignals?.contains(number) ?? (number != SIGTRAP && number != SIGINT)
    {
      signal = number
    }
    if current.isAway { world.invalidate() } else { try world.detach(signal: signal) }
    current.isDetached = true
    runningPlan = nil
    detachedProcesses.append(world.processID)
    lastStop = StopEvent(thread: lastStop.thread, reason: .exited(0))
  }

  /// The server ends: what it launched ends with it, what it was attached to goes on.
  package func end() {
    for inferior in inferiors {
      if inferior.world.isElsewhere {
        // Nothing of the server's: another server holds it, or nobody.
        inferior.world.invalidate()
      } else if !inferior.isOver {
        if inferior.world.isAttached { letGo(inferior) } else { kill(inferior) }
      }
    }
  }

  /// The connection broke and the client had said what is to become of the program then.
  package func letGoOnError() {
    guard detachesOnError, !hasEnded else { return }
    if isRunning {
      // It is let go where it stands still.
      interrupt()
      while isRunning, !hasEnded {
        var readiness = Readiness([stops.descriptor])
        readiness.wait()
        absorbStop()
      }
    }
    letAllGo()
  }

  private func letAllGo() { living.forEach(letGo) }

  /// The client is gone: programs that were there before the server go on natively. False when there
  /// are none.
  package func letAttachedGo() -> Bool {
    let attached = living.filter(\.world.isAttached)
    attached.forEach(letGo)
    return !attached.isEmpty
  }

  private func letGo(_ inferior: Inferior) {
    // What cannot be let go is gone already.
    do throws(WorldError) {
      try with(inferior) { () throws(WorldError) in try detach() }
    } catch {}
  }

  /// The client is gone and the program lives: it is stopped and forgets the client's breakpoints.
  package func keepStopped() {
    awaited = nil
    leaveNonStop()
    tellEnds()
    if isRunning {
      interrupt()
    } else {
      forgetBreakpoints()
    }
  }
}

extension StubSession {
  package var isRunning: Bool { inferiors.contains { $0.runningPlan != nil } }
  package var isAttached: Bool { world.isAttached }

  /// Takes a stop for which there is no client.
  package func absorbStop() {
    _ = takeStopReply()
    tellEnds()
    if !isRunning { forgetBreakpoints() }
  }

  /// Nobody is there who would have to be told.
  private func tellEnds() {
    for inferior in living where inferior.hasUntoldEnd {
      if let end = inferior.world.lastStop { inferior.lastStop = end }
    }
  }

  func forgetBreakpoints() {
    for inferior in living {
      do throws(WorldError) {
        try with(inferior) { () throws(WorldError) in clearBreakpoints() }
      } catch {}
    }
  }
}
