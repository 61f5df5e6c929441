// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
package import RSP
internal import WorldVM
internal import XVCore

/// Whether the client asked for a stop that it has not got.
enum Interruption {
  case none
  /// ^C: the stop is a SIGINT to the client.
  case asked
  /// `vCont;t`: the stop is no signal.
  case askedQuietly
}

extension StubSession {
  func respond(to packet: ResumePacket) throws(WorldError) -> Answer {
    switch packet {
    case .actionsWanted: return .reply(Reply("vCont;c;C;s;S;t;r"))
    case .actions(let actions): return try resume(actions)
    case .legacy(var action, let address):
      let chosen = ThreadPattern(thread: resumeThread)
      if let address {
        try setProgramCounter(address, of: thread(matching: chosen) ?? generalThread)
      }
      if case .one = resumeThread, action.kind == .step { action.threads = chosen }
      // Only the step is for one thread: the others run meanwhile, as they do for gdbserver.
      return try resume([action, ResumePacket.Action(.run)])
    case .interrupt:
      interrupt()
      return .reply(.ok)
    }
  }

  private func resume(_ actions: [ResumePacket.Action]) throws(WorldError) -> Answer {
    // A stop of what stands still: nothing is to be done.
    if isNonStop { return try resumeEach(actions) }
    if actions.allSatisfy({ $0.kind == .stop }) { return .reply(.ok) }
    if hasEnded { throw .badWorld("the program has ended") }
    var plans: [(inferior: Inferior, plan: ResumePlan)] = []
    for inferior in visible where !inferior.isOver {
      guard let plan = plan(for: actions, in: inferior) else { return .reply(.malformed) }
      if plan.movesAnything || inferior.hasUntoldEnd && actions.contains(where: { $0.moves(inferior) }) {
        plans.append((inferior, plan))
      }
    }
    // A core file beside programs that can run keeps none of them from running.
    let able = plans.filter { !($0.inferior.world is any FixedWorld) }
    if !able.isEmpty { plans = able }
    if interruption != .none, !plans.contains(where: \.plan.deliversSignal) {
      // The stop was asked for before the resume: the program does not move at all.
      lastStop = StopEvent(thread: lastStop.thread, reason: .interrupted)
      return .reply(stopReply())
    }
    // The threads that were named have ended.
    if plans.isEmpty, client.understandsNoneResumed {
      return .reply(Reply(StopReply.noneResumed.encoded(multiprocess: false)))
    }
    transfers.forget()
    isFresh = false
    moves += 1
    var started: [Inferior] = []
    for (inferior, plan) in plans {
      do throws(WorldError) {
        if let reply = try start(inferior, plan) { return .reply(reply) }
        started.append(inferior)
      } catch {
        // All go, or none does.
        stop(started)
        throw error
      }
    }
    if interruption != .none { requestStop(interruption) }
    return .resumed
  }

  /// Lets an inferior go; a reply when it has a stop to tell first.
  private func start(_ inferior: Inferior, _ plan: ResumePlan) throws(WorldError) -> Reply? {
    inferior.runningPlan = plan.withoutSignals
    // It runs, as far as anybody knows; if it stands, it goes on when it is back.
    if inferior.isAway { return nil }
    inferior.lastThreads = inferior.threads
    if inferior.hasUntoldEnd {
      while let event = inferior.world.takeStop() { inferior.untold.append(event) }
    }
    while !inferior.untold.isEmpty {
      let event = inferior.untold.removeFirst()
      if isOutdated(event, in: inferior) { continue }
      if let reply = reply(telling: event, of: inferior) { return reply }
      // It goes on by itself.
      return nil
    }
    do throws(WorldError) {
      try inferior.world.start(plan)
    } catch {
      inferior.runningPlan = nil
      throw error
    }
    return nil
  }

  /// A hit of a breakpoint that was taken away meanwhile.
  private func isOutdated(_ event: StopEvent, in inferior: Inferior) -> Bool {
    guard event.reason == .breakpoint else { return false }
    do throws(WorldError) {
      let registers = try inferior.world.registers(of: event.thread, extended: false)
      return inferior.breakpoints.kinds[Address(registers.general.rip)] == nil
    } catch {
      return true
    }
  }

  /// The leftmost action that matches a thread is that thread's; what no action names stays.
  func plan(
    for actions: [ResumePacket.Action], in inferior: Inferior
  ) -> ResumePlan? {
    let process = inferior.processID
    var plan = ResumePlan(others: ResumePlan.Action(.stay))
    if let first = actions.first(where: { $0.threads?.isEverything(in: UInt64(process)) ?? true }) {
      guard let action = ResumePlan.Action(first, client.signals) else { return nil }
      plan.others = action
    }
    for thread in inferior.threads {
      guard let first = actions.first(where: { $0.matches(thread, of: process) }) else {
        continue
      }
      guard let action = ResumePlan.Action(first, client.signals) else { return nil }
      if action != plan.others { plan.threads[thread] = action }
    }
    // A signal is for one thread: the one that would have got it.
    let signal = plan.others.signal
    if signal != 0 {
      plan.others.signal = 0
      if plan.threads[inferior.lastStop.thread] == nil {
        plan.threads[inferior.lastStop.thread] = ResumePlan.Action(plan.others.kind, signal: signal)
      }
    }
    return plan
  }

  // MARK: While the program runs
  package func answerWhileRunning(_ packet: Packet) -> Answer? {
    switch packet {
    case .process(.kill), .process(.killProcess), .debugger(.input): return answer(packet)
    case .resume(.interrupt):
      interrupt()
      return .reply(.ok)
    case .resume(.actions(let actions)) where actions.allSatisfy({ $0.kind == .stop }):
      requestStop(.askedQuietly)
      return .silence
    default: return nil
    }
  }

  package func interrupt() { requestStop(.asked) }

  private func requestStop(_ interruption: Interruption) {
    // Nothing runs when the client only waits for a process.
    if let awaited { return awaited.isGivenUp = true }
    if isNonStop { return interruptOne() }
    // What overtook lldb's interrupt has been told.
    if client.isLLDB, living.allSatisfy({ $0.runningPlan == nil }) { return }
    self.interruption = interruption
    // One is enough: its stop stops the others. One whose link is lost would keep them waiting.
    let running = living.filter { $0.runningPlan != nil }
    guard let running = running.first(where: \.isReached) ?? running.first else { return }
    // A world that is gone has told, or will tell, its end as a stop.
    do throws(WorldError) { try running.world.interrupt() } catch {}
  }

  /// Goes on with what was asked for, a signal delivered on the way; false when that cannot be.
  ///
  /// A thread that steps does stop for its signal: the client decides how to step over a handler.
  func resumeDelivering(_ signal: Int32, to thread: ThreadID) -> Bool {
    guard let plan = runningPlan, (plan.threads[thread] ?? plan.others).kind == .run else {
      return false
    }
    var delivering = plan
    delivering.threads[thread] = ResumePlan.Action(.run, signal: signal)
    do throws(WorldError) {
      try world.start(delivering)
      if interruption != .none { try world.interrupt() }
      return true
    } catch {
      return false
    }
  }
}

extension ThreadPattern {
  fileprivate func isEverything(in process: UInt64) -> Bool {
    if case .one = thread { return false }
    if case .one(let wanted)? = self.process { return wanted == process }
    return true
  }
}

extension ResumePacket.Action {
  /// Whether something of a program is to go on, be it a thread that it has no more.
  fileprivate func moves(_ inferior: Inferior) -> Bool {
    guard kind != .stop else { return false }
    if case .one(let wanted)? = threads?.process { return wanted == UInt64(inferior.processID) }
    return true
  }

  func matches(_ thread: ThreadID, of process: Int32) -> Bool {
    threads?.matches(thread: UInt64(thread.rawValue), of: UInt64(process)) ?? true
  }
}

extension ResumePlan {
  fileprivate var deliversSignal: Bool {
    others.signal != 0 || threads.values.contains { $0.signal != 0 }
  }

  var movesAnything: Bool {
    others.kind != .stay || threads.values.contains { $0.kind != .stay }
  }

  fileprivate var withoutSignals: ResumePlan {
    ResumePlan(
      others: Action(others.kind), threads: threads.mapValues { Action($0.kind) })
  }
}

extension ResumePlan.Action {
  /// Nil when Linux has no such signal.
  fileprivate init?(_ action: ResumePacket.Action, _ signals: SignalNumbering) {
    let kind: ResumeKind =
      switch action.kind {
      case .run: .run
      case .step: .step
      case .stepWithin(let start, let end) where start < end:
        .stepWithin(Address(start)..<Address(end))
      // An empty range is a plain step (manual, "vCont").
      case .stepWithin: .step
      case .stop: .stay
      }
    guard let number = signals.linux(action.signal ?? .none) else { return nil }
    self.init(kind, signal: number)
  }
}
