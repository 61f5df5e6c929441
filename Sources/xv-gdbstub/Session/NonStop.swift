// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
package import RSP
internal import WorldVM
internal import XVCore

/// Threads that stop and go on one by one (`QNonStop:1`): each packet is answered at once, and stops come as
/// notifications. The first waits for `vStopped`, which fetches the others.
extension StubSession {
  func respond(to packet: ThreadModePacket) throws(WorldError) -> Reply {
    switch packet {
    case .nonStop(true):
      for inferior in living { try inferior.world.setNonStop(true) }
      isNonStop = true
      notices = []
    case .nonStop(false): leaveNonStop()
    case .threadEvents(let isWanted):
      client.wantsThreadEvents = isWanted
      tellEvents()
    case .nextStop:
      if !notices.isEmpty { notices.removeFirst() }
      return notices.first ?? .ok
    }
    return .ok
  }

  /// All threads stop, and stop together from now on.
  func leaveNonStop() {
    guard isNonStop else { return }
    isNonStop = false
    notices = []
    stopsQuietly = true
    for inferior in living {
      // A world that is gone has nothing left to stop.
      do throws(WorldError) { try inferior.world.setNonStop(false) } catch {}
      while let event = inferior.world.takeStop() { inferior.lastStop = event }
      guard !inferior.isOver else { continue }
      let thread = inferior.world.threads.first ?? ThreadID(inferior.world.processID)
      inferior.lastStop = StopEvent(thread: thread, reason: .interrupted)
    }
    leaveEnded()
  }

  // MARK: Going on

  func resumeEach(_ actions: [ResumePacket.Action]) throws(WorldError) -> Answer {
    for inferior in living {
      guard let plan = plan(for: actions, in: inferior) else { return .reply(.malformed) }
      let process = inferior.world.processID
      for thread in inferior.world.threads {
        guard let first = actions.first(where: { $0.matches(thread, of: process) }) else { continue }
        if first.kind == .stop {
          try inferior.world.stop(thread)
        } else if first.kind == .run {
          inferior.steppers.remove(thread)
        } else {
          inferior.steppers.insert(thread)
        }
      }
      guard plan.movesAnything else { continue }
      transfers.forget()
      isFresh = false
      try inferior.world.go(plan)
    }
    return .reply(.ok)
  }

  /// ^C, or `vCtrlC`: one thread stops, with SIGINT.
  func interruptOne() {
    for inferior in living {
      let running = inferior.world.threads.first { !inferior.world.isHeld($0) }
      guard let thread = running else { continue }
      loudThread = thread
      // A world that is gone has told its end as a stop.
      do throws(WorldError) { try inferior.world.stop(thread) } catch {}
      return
    }
  }

  // MARK: Stops

  package func takeNotification() -> Reply? {
    guard isNonStop else {
      _ = takeStopReply()
      return nil
    }
    let isAwaited = notices.isEmpty
    for inferior in inferiors {
      while let event = inferior.world.takeStop() { note(event, of: inferior) }
    }
    leaveEnded()
    guard isAwaited, let first = notices.first else { return nil }
    return Reply(Array("Stop:".utf8) + first.content)
  }

  private func note(_ event: StopEvent, of inferior: Inferior) {
    if case .signal(let number) = event.reason, passedSignals.contains(number),
      !inferior.steppers.contains(event.thread)
    {
      let plan = ResumePlan(
        others: ResumePlan.Action(.stay),
        threads: [event.thread: ResumePlan.Action(.run, signal: number)])
      // A world that is gone has told its end as a stop.
      do throws(WorldError) { try inferior.world.go(plan) } catch {}
      return
    }
    let last = current
    current = inferior
    stopsQuietly = loudThread != event.thread
    if event.thread == loudThread { loudThread = nil }
    lastStop = event
    transfers.forget()
    settle(event)
    notices.append(stopReply())
    current = last
  }

  /// `?`: all that stand still are told, one by one.
  func allStops() -> Reply {
    notices = []
    let chosen = (current, generalThread)
    for inferior in living {
      current = inferior
      let last = lastStop
      for thread in inferior.world.threads where inferior.world.isHeld(thread) {
        lastStop = thread == last.thread ? last : StopEvent(thread: thread, reason: .interrupted)
        stopsQuietly = true
        notices.append(stopReply())
      }
      lastStop = last
    }
    (current, generalThread) = chosen
    return notices.first ?? .ok
  }
}
