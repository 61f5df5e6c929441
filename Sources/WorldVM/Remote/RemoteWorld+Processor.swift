// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc
internal import Linux
internal import RSP
import Synchronization
package import XVCore

extension RemoteWorld {
  package func lock() { state.lock() }
  package func unlock() { state.unlock() }
  package var lastStop: StopEvent? { state.lastStop }
  package var stopDescriptor: Int32 { state.stopDescriptor }
  package func takeStop() -> StopEvent? { state.takeStop() }
  package func awaitStop() throws(WorldError) -> StopEvent { try state.awaitStop() }

  /// A thread that stands at a breakpoint goes past it: servers differ in whether they see to that.
  package func start(_ plan: ResumePlan) throws(WorldError) {
    let actions = try actions(of: plan)
    let obstacle = try obstacle(to: plan)
    // A signal is delivered once.
    let quiet = try self.actions(
      of: ResumePlan(
        others: .init(plan.others.kind), threads: plan.threads.mapValues { .init($0.kind) }))
    try memory.go { () throws(WorldError) in
      let incarnation = state.incarnation
      try link.start(incarnation) { client, patience throws(ClientError) in
        if let obstacle {
          try client.remove(.software, at: obstacle.address.rawValue, patience)
          try client.resume([obstacle.step], patience)
        } else {
          try client.resume(actions, patience)
        }
      }
      DetachedThread.start { [self] in awaitStop(plan, actions, quiet, obstacle, incarnation) }
    }
  }

  package func interrupt() throws(WorldError) {
    try state.requireValid()
    // Read before it is asked whether the program runs: what runs by then may be a later incarnation, which
    // nobody has asked to stop.
    let incarnation = state.incarnation
    guard state.isRunning else { return }
    link.interrupt(in: incarnation)
  }

  /// A breakpoint at which a thread stands that is to move, and the step that passes it.
  private struct Obstacle {
    var address: Address
    var step: ResumePacket.Action
  }

  private func obstacle(to plan: ResumePlan) throws(WorldError) -> Obstacle? {
    // The thread that stopped last may have ended since.
    guard let thread = lastStop?.thread, !breaks.withLock({ $0.addresses.isEmpty }),
      threads.contains(thread)
    else { return nil }
    let action = plan.threads[thread] ?? plan.others
    guard action.kind != .stay else { return nil }
    let address = Address(try registers(of: thread, extended: false).general.rip)
    guard breaks.withLock({ $0.addresses.contains(address) }),
      let step = wire(ResumePlan.Action(.step, signal: action.signal), pattern(thread))
    else { return nil }
    return Obstacle(address: address, step: step)
  }

  package func kill() throws(WorldError) {
    try state.requireValid()
    try stand()
    try link.perform { client, patience throws(ClientError) in
      try client.kill(process: UInt64(UInt32(bitPattern: processID)), patience)
    }
    link.stopped(hasEnded: true)
    state.end(with: StopEvent(thread: ThreadID(processID), reason: .killed(SIGKILL)))
    memory.forget()
  }

  /// The protocol's `D` carries no signal: one at which the program stands is the server's affair.
  package func detach(signal: Int32) throws(WorldError) {
    try state.requireValid()
    try stand()
    try link.perform { client, patience throws(ClientError) in
      try client.detach(process: process, patience)
    }
    let reason = "the process of \(name) was detached"
    state.invalidate(because: reason)
    link.close(because: reason)
  }

  /// Stops a program that runs: a server that waits for a stop listens to nothing else.
  private func stand() throws(WorldError) {
    guard state.isRunning else { return }
    try interrupt()
    do throws(ClientError) {
      try link.patience.wait(for: state.stopDescriptor)
    } catch {
      throw WorldError(error)
    }
  }

  // MARK: Resuming
  private func actions(of plan: ResumePlan) throws(WorldError) -> [ResumePacket.Action] {
    var actions: [ResumePacket.Action] = []
    for (thread, action) in plan.threads.sorted(by: { $0.key < $1.key }) {
      guard let action = wire(action, pattern(thread)) else { continue }
      actions.append(action)
    }
    let stays = plan.threads.contains { $0.value.kind == .stay }
    if stays, plan.others.kind != .stay {
      // What no action names stays; so the others must be named one by one.
      for thread in threads where plan.threads[thread] == nil {
        if let action = wire(plan.others, pattern(thread)) { actions.append(action) }
      }
    } else if let others = wire(plan.others, nil) {
      actions.append(others)
    }
    if actions.isEmpty { throw .refused("no thread of \(name) is to run") }
    return actions
  }

  private func pattern(_ thread: ThreadID) -> ThreadPattern {
    ThreadPattern(
      process: .one(process), thread: .one(UInt64(UInt32(bitPattern: thread.rawValue))))
  }

  private func wire(
    _ action: ResumePlan.Action, _ threads: ThreadPattern?
  ) -> ResumePacket.Action? {
    let signal = action.signal == 0 ? nil : SignalNumber(linux: action.signal)
    switch action.kind {
    case .stay: return nil
    case .run: return ResumePacket.Action(.run, signal: signal, threads: threads)
    // A range that cannot be stepped by the server is stepped by whoever wanted it.
    case .stepWithin(let range) where signal == nil && resumeActions.contains("r"):
      return ResumePacket.Action(
        .stepWithin(start: range.lowerBound.rawValue, end: range.upperBound.rawValue),
        threads: threads)
    case .step, .stepWithin: return ResumePacket.Action(.step, signal: signal, threads: threads)
    }
  }

  /// On a thread of its own, from a resume to its stop. `first`: with the signals that it delivers.
  private func awaitStop(
    _ plan: ResumePlan, _ first: [ResumePacket.Action], _ actions: [ResumePacket.Action],
    _ obstacle: Obstacle?, _ incarnation: Incarnation
  ) {
    var obstacle = obstacle
    var sent = obstacle.map { [$0.step] } ?? first
    while true {
      do throws(ClientError) {
        let (reply, isOverNewConnection) = try link.awaitStop()
        if hasNotMoved(reply), isOverNewConnection {
          // The last resume was lost with its connection; so is an interrupt behind it.
          _ = link.repeatInterruption(in: incarnation)
        } else if isLate(reply, incarnation) {
          sent = obstacle.map { [ResumePacket.Action($0.step.kind, threads: $0.step.threads)] } ?? actions
        } else if let passed = obstacle {
          obstacle = nil
          guard try isPast(passed, reply, plan) else { return finish(reply, plan, incarnation) }
          // Some servers keep an interrupt that comes while the program stands, most throw it away.
          if link.repeatInterruption(in: incarnation) { breaks.withLock { $0.isInterruptLeft = true } }
          sent = actions
        } else if isOverNewConnection, !link.isInterrupted(in: incarnation),
          event(reply, plan: plan, isInterrupted: true).reason == .interrupted
        {
          // The server stopped the program only because the connection was gone.
          sent = actions
        } else {
          return finish(reply, plan, incarnation)
        }
        try link.resume { [sent] client, patience throws(ClientError) in
          try client.resume(sent, patience)
        }
      } catch {
        if error == .disconnected || error == .timedOut { continue }
        link.stopped(hasEnded: false)
        _ = link.takeInterruption(in: incarnation)
        // Nobody knows what the program does: that is told as a stop, and the next request will fail.
        state.post(StopEvent(thread: threadOfProcess, reason: .interrupted))
        return
      }
    }
  }

  /// Whether the stop is the one before the last resume, as far as the server tells.
  private func hasNotMoved(_ reply: StopReply) -> Bool {
    guard case .stopped(let stop) = reply, let moves = stop.moves else { return false }
    return breaks.withLock { breaks in
      defer { breaks.moves = moves }
      return breaks.moves == moves
    }
  }

  /// Whether a stop answers an interrupt of the time before the last stop, which nobody waits for any more.
  private func isLate(_ reply: StopReply, _ incarnation: Incarnation) -> Bool {
    breaks.withLock { breaks in
      guard breaks.isInterruptLeft, case .stopped(let stop) = reply, stop.reason == nil,
        stop.signal == .interrupt
      else {
        breaks.isInterruptLeft = false
        return false
      }
      // Where another one was sent meanwhile, that one is left now.
      guard !link.isInterrupted(in: incarnation) else { return false }
      breaks.isInterruptLeft = false
      return true
    }
  }

  /// Sets the breakpoint that was stepped past again; false when the step was all that was planned, or
  /// something else has happened.
  private func isPast(
    _ obstacle: Obstacle, _ reply: StopReply, _ plan: ResumePlan
  ) throws(ClientError) -> Bool {
    guard case .stopped(let stop) = reply else { return false }
    do throws(ClientError) {
      try link.again { client, patience throws(ClientError) in
        try client.insert(.software, at: obstacle.address.rawValue, patience)
      }
    } catch {
      // Over a new connection all are set again.
      guard error == .disconnected || error == .timedOut else { throw error }
    }
    guard stop.reason == nil, stop.signal == .trap else { return false }
    let thread = stop.thread.thread == 0 ? threadOfProcess
      : ThreadID(Int32(truncatingIfNeeded: stop.thread.thread))
    return (plan.threads[thread] ?? plan.others).kind == .run
  }

  private func finish(_ reply: StopReply, _ plan: ResumePlan, _ incarnation: Incarnation) {
    let hasEnded: Bool
    switch reply {
    case .exited, .killed: hasEnded = true
    default: hasEnded = false
    }
    // From here on no interrupt is sent.
    link.stopped(hasEnded: hasEnded)
    let interruption = link.takeInterruption(in: incarnation)
    let event = event(reply, plan: plan, isInterrupted: interruption != .none)
    if interruption == .sent, event.reason != .interrupted {
      breaks.withLock { $0.isInterruptLeft = true }
    }
    state.post(event)
  }

  private var threadOfProcess: ThreadID { ThreadID(processID) }

  // MARK: Stops
  private func event(_ reply: StopReply, plan: ResumePlan?, isInterrupted: Bool) -> StopEvent {
    switch reply {
    case .stopped(let stop): event(stop, plan: plan, isInterrupted: isInterrupted)
    case .exited(let status, _): StopEvent(thread: threadOfProcess, reason: .exited(Int32(status)))
    case .threadExited(let status, let thread):
      StopEvent(
        thread: ThreadID(Int32(truncatingIfNeeded: thread.thread)), reason: .threadExited(Int32(status)))
    case .noneResumed: StopEvent(thread: threadOfProcess, reason: .noneResumed)
    case .killed(let signal, _):
      StopEvent(thread: threadOfProcess, reason: .killed(signal.linux ?? SIGKILL))
    }
  }

  /// Servers differ in how much they say: what a plain SIGTRAP means follows from what was asked for.
  func event(_ stop: StopReply.Stop, plan: ResumePlan?, isInterrupted: Bool) -> StopEvent {
    let thread =
      stop.thread.thread == 0
      ? threadOfProcess : ThreadID(Int32(truncatingIfNeeded: stop.thread.thread))
    func event(_ reason: StopReason) -> StopEvent { StopEvent(thread: thread, reason: reason) }
    switch stop.reason {
    case .softwareBreakpoint, .hardwareBreakpoint: return event(.breakpoint)
    case .watchpoint(let kind, let address):
      return event(.watchpoint(WatchHit(kind.watchKind, at: Address(address))))
    case .executed(let path): return event(.execed(path: String(decoding: path, as: UTF8.self)))
    default: break
    }
    let number = stop.signal.linux ?? 0
    if number == 0 { return event(.interrupted) }
    if isInterrupted, number == SIGINT || number == SIGSTOP { return event(.interrupted) }
    guard number == SIGTRAP, let plan else { return event(.signal(number)) }
    if let counter = programCounter(of: stop, in: thread), breaks.withLock({ $0.addresses.contains(counter) }) {
      return event(.breakpoint)
    }
    switch (plan.threads[thread] ?? plan.others).kind {
    case .step, .stepWithin: return event(.stepped)
    case .run, .stay: return event(.signal(number))
    }
  }

  /// From the registers that came with the stop; qemu sends none.
  private func programCounter(of stop: StopReply.Stop, in thread: ThreadID) -> Address? {
    guard let number = layout.programCounter?.number else { return nil }
    if let bytes = stop.expedited.first(where: { $0.number == number })?.bytes, bytes.count == 8 {
      return Address(bytes.word(at: 0))
    }
    var counter: Address?
    try? link.again { client, patience throws(ClientError) in
      let all = try client.readRegisters(of: name(thread), patience)
      counter = Address(layout.decode(all).general.rip)
    }
    return counter
  }
}

extension BreakpointPacket.Kind {
  fileprivate var watchKind: Watchpoint.Kind {
    switch self {
    case .read: .read
    case .access: .access
    case .write, .software, .hardware: .write
    }
  }
}
