// SPDX-License-Identifier: GPL-3.0-only
internal import Glibc
package import RSP
internal import WorldVM
internal import XVCore

/// A stop to be told; the client fetches it.
struct Notice {
  var inferior: Inferior
  var event: StopEvent
  var reply: Reply

  /// Where a thread stood that is gone nobody can be told, and it never goes on.
  var isOutdated: Bool {
    event.reason.needsThread && !inferior.world.threads.contains(event.thread)
  }
}

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
    case .options(let options): return try setOptions(options)
    case .nextStop:
      if !notices.isEmpty { notices.removeFirst() }
      return nextNotice() ?? .ok
    }
    return .ok
  }

  static let threadOptions: ThreadOptions = [.clones, .end]

  /// Nobody is there any more who wants to be told.
  func clearThreadOptions() {
    for inferior in living {
      // A world that is gone has no threads.
      do throws(WorldError) {
        try inferior.world.setOptions(Dictionary(uniqueKeysWithValues: inferior.world.threads.map { ($0, []) }))
      } catch {}
    }
  }

  /// Threads that are made later have none.
  private func setOptions(_ options: [ThreadModePacket.Options]) throws(WorldError) -> Reply {
    guard options.allSatisfy({ $0.bits & ~Self.threadOptions.rawValue == 0 }) else { return .malformed }
    for inferior in living {
      let process = UInt64(inferior.world.processID)
      var found: [ThreadID: ThreadOptions] = [:]
      for thread in inferior.world.threads {
        let last = options.last {
          $0.threads?.matches(thread: UInt64(thread.rawValue), of: process) ?? true
        }
        if let last { found[thread] = ThreadOptions(rawValue: last.bits) }
      }
      if !found.isEmpty { try inferior.world.setOptions(found) }
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

  /// The plan for those that stand still and whose stops the client has taken in. What it says of the
  /// others was said without knowing that they stand: each has its stop told, and stays until then.
  private func withoutUntold(_ plan: ResumePlan, of inferior: Inferior) -> ResumePlan {
    // Asked in this order: who stands still has posted its stop before.
    var standing = inferior.world.heldThreads
    standing.subtract(inferior.world.threadsWithStops)
    standing.subtract(notices.filter { $0.inferior === inferior }.map(\.event.thread))
    var actions: [ThreadID: ResumePlan.Action] = [:]
    for thread in standing { actions[thread] = plan.threads[thread] ?? plan.others }
    return ResumePlan(others: ResumePlan.Action(.stay), threads: actions)
  }

  func resumeEach(_ actions: [ResumePacket.Action]) throws(WorldError) -> Answer {
    let unknown = notices.compactMap(\.event.reason.madeProcess)
    for inferior in living where !unknown.contains(inferior.world.processID) {
      guard var plan = plan(for: actions, in: inferior) else { return .reply(.malformed) }
      let process = inferior.processID
      plan = withoutUntold(plan, of: inferior)
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
      try inferior.world.start(plan)
    }
    return .reply(.ok)
  }

  /// ^C, or `vCtrlC`: one thread stops, with SIGINT.
  func interruptOne() {
    for inferior in living {
      let held = inferior.world.heldThreads
      for thread in inferior.world.threads where !held.contains(thread) {
        loudThread = thread
        // A world that is gone has told its end as a stop.
        do throws(WorldError) { try inferior.world.stop(thread) } catch {}
        // One that is about to end does not stop.
        if inferior.world.heldThreads.contains(thread) { return }
      }
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
    guard isAwaited, let first = nextNotice() else { return nil }
    return notification(first)
  }

  /// The first stop that is to be told.
  private func nextNotice() -> Reply? {
    while let first = notices.first, first.isOutdated { notices.removeFirst() }
    return notices.first?.reply
  }

  private func note(_ event: StopEvent, of inferior: Inferior) {
    if case .signal(let number) = event.reason, passedSignals.contains(number),
      !inferior.steppers.contains(event.thread)
    {
      let plan = ResumePlan(
        others: ResumePlan.Action(.stay),
        threads: [event.thread: ResumePlan.Action(.run, signal: number)])
      // A world that is gone has told its end as a stop.
      do throws(WorldError) { try inferior.world.start(plan) } catch {}
      return
    }
    let last = current
    current = inferior
    stopsQuietly = loudThread != event.thread
    if event.thread == loudThread { loudThread = nil }
    lastStop = event
    transfers.forget()
    settle(event)
    notices.append(Notice(inferior: inferior, event: lastStop, reply: stopReply()))
    current = last
  }

  /// `?`: all that stand still are told, one by one.
  func allStops() -> Reply {
    let chosen = (current, generalThread)
    for inferior in living {
      let held = inferior.world.heldThreads
      while let event = inferior.world.takeStop() { note(event, of: inferior) }
      guard !inferior.isOver else { continue }
      current = inferior
      let last = lastStop
      let known = Set(notices.filter { $0.inferior === inferior }.map(\.event.thread))
      for thread in held.subtracting(known).sorted() {
        noteStanding(thread == last.thread ? last : StopEvent(thread: thread, reason: .interrupted))
      }
      lastStop = last
    }
    (current, generalThread) = chosen
    return nextNotice() ?? .ok
  }

  /// A thread of the current program stands still although nothing has happened to it.
  private func noteStanding(_ event: StopEvent) {
    lastStop = event
    stopsQuietly = true
    notices.append(Notice(inferior: current, event: event, reply: stopReply()))
  }

  /// A process was taken hold of: its threads' stops are told as any others.
  func announceHeld() -> Answer {
    let isAwaited = notices.isEmpty
    for thread in world.threads {
      noteStanding(StopEvent(thread: thread, reason: .interrupted))
    }
    guard isAwaited, let first = nextNotice() else { return .reply(.ok) }
    return .announced(.ok, notification(first))
  }

  private func notification(_ stop: Reply) -> Reply { Reply(Array("Stop:".utf8) + stop.content) }
}

extension StopReason {
  /// The process that the stop tells of.
  fileprivate var madeProcess: Int32? {
    switch self {
    case .forked(let child), .vforked(let child): child
    default: nil
    }
  }

  /// Whether there is nothing to tell without the thread. What has ended is told as ended, and a process
  /// or thread that was made stands still until the client knows of it.
  fileprivate var needsThread: Bool {
    switch self {
    case .breakpoint, .watchpoint, .stepped, .signal, .interrupted, .systemCallEntry,
      .systemCallReturn, .vforkDone, .threadCreated:
      true
    case .forked, .vforked, .cloned, .threadExited, .noneResumed, .execed, .exited, .killed: false
    }
  }
}
