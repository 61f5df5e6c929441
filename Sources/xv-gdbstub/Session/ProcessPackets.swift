// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
internal import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  func respond(to packet: ProcessPacket) throws(WorldError) -> Answer {
    switch packet {
    case .status: return .reply(stopReply())
    case .attached: return .reply(Reply(world.isAttached ? "1" : "0"))
    case .kill:
      kill()
      // lldb waits for an answer, gdb for none.
      let reply = client.isLLDB ? stopReply() : nil
      return isExtended ? reply.map { .reply($0) } ?? .silence : .last(reply)
    case .killProcess(let process):
      guard process == UInt64(world.processID) else { return .reply(.error(ESRCH)) }
      kill()
      return isExtended ? .reply(.ok) : .last(.ok)
    case .detach(let process):
      guard process ?? UInt64(world.processID) == UInt64(world.processID) else {
        return .reply(.error(ESRCH))
      }
      try detach()
      return isExtended ? .reply(.ok) : .last(.ok)
    }
  }

  /// Ends the program, if it has not ended.
  package func kill() {
    guard !hasEnded else { return }
    // What cannot be killed is gone already.
    do throws(WorldError) { try world.kill() } catch {}
    lastStop = StopEvent(thread: ThreadID(world.processID), reason: .killed(SIGKILL))
    runningPlan = nil
  }

  /// Lets the program go on natively.
  ///
  /// A signal at which it stands still is delivered if the client lets the program have such
  /// signals; without word from it, gdb's defaults count.
  func detach() throws(WorldError) {
    if hasEnded { throw .badWorld("the program has ended") }
    clearBreakpoints()
    var signal: Int32 = 0
    if case .signal(let number) = lastStop.reason,
      programSignals?.contains(number) ?? (number != SIGTRAP && number != SIGINT)
    {
      signal = number
    }
    try world.detach(signal: signal)
    isDetached = true
    detachedProcesses.append(world.processID)
    lastStop = StopEvent(thread: lastStop.thread, reason: .exited(0))
  }

  /// The server ends: what it launched ends with it, what it was attached to goes on.
  package func end() {
    guard world.isAttached else { return kill() }
    guard !hasEnded else { return }
    // What cannot be let go is gone already.
    do throws(WorldError) { try detach() } catch {}
  }

  /// The connection broke and the client had said what is to become of the program then.
  package func letGoOnError() {
    guard detachesOnError, !hasEnded else { return }
    if isRunning {
      // It is let go where it stands still.
      do throws(WorldError) { try world.interrupt() } catch {}
      while isRunning, !hasEnded {
        var readiness = Readiness([world.stopDescriptor])
        readiness.wait()
        absorbStop()
      }
    }
    if hasEnded { return }
    // What cannot be let go is gone already.
    do throws(WorldError) { try detach() } catch {}
  }

  /// The client is gone and the program lives: it is stopped and forgets the client's breakpoints.
  package func keepStopped() {
    awaited = nil
    if runningPlan != nil {
      // A world that is gone has told its end as a stop, which is taken by whoever waits next.
      do throws(WorldError) { try world.interrupt() } catch {}
    } else {
      clearBreakpoints()
    }
  }
}

extension StubSession {
  package var isRunning: Bool { runningPlan != nil }
  package var isAttached: Bool { world.isAttached }

  /// Takes a stop for which there is no client.
  package func absorbStop() {
    _ = takeStopReply()
    if !isRunning { clearBreakpoints() }
  }
}
