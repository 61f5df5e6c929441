// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
package import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  /// Numbers in the target description of what every stop is looked at for: rbp, rsp, rip.
  static let frameRegisters = [6, 7, 16]
  /// What lldb reads at every stop: the processor's general registers and flags.
  static let generalRegisters = Array(0..<18)

  package func takeStopReply() -> Reply? {
    if awaited != nil { return attachToAwaited() }
    for inferior in inferiors {
      while let event = inferior.world.takeStop() {
        if inferior.isAway, !comesBack(inferior, with: event) { continue }
        if inferior.runningPlan == nil, event.reason.isEnd {
          // Somebody has killed it where it stood. That is the answer to its next resume.
          inferior.untold.append(event)
          continue
        }
        if let reply = reply(telling: event, of: inferior) { return reply }
      }
    }
    return nil
  }

  /// Takes note of a stop; nil when the program runs on nevertheless.
  func reply(telling event: StopEvent, of inferior: Inferior) -> Reply? {
    if event.reason == .interrupted, interruption == .none, inferiors.count > 1 {
      // It stands still for another one's stop, which is still to be taken.
      inferior.runningPlan = nil
      inferior.lastStop = event
      return nil
    }
    let last = current
    current = inferior
    guard !goesOn(after: event) else {
      current = last
      return nil
    }
    lastStop = event
    runningPlan = nil
    // gdb may go on by itself after this stop, and its user's ^C must not be lost. lldb takes whatever
    // stop comes first for the answer to its interrupt.
    if client.isLLDB, event.reason != .interrupted { interruption = .none }
    stopOthers()
    if case .threadExited = event.reason {
      select(inferior, world.threads.first ?? ThreadID(world.processID))
    } else {
      select(inferior, event.thread)
    }
    transfers.forget()
    settle(event)
    forgetEnded()
    return stopReply()
  }

  /// What follows from a stop of the current program, whoever is told.
  func settle(_ event: StopEvent) {
    switch event.reason {
    case .execed: clearBreakpoints()
    case .forked(let child), .vforked(let child):
      do throws(WorldError) {
        try adoptChild(child)
      } catch {
        Diagnostics.print("xv-gdbstub: process \(child) cannot be debugged: \(error)")
        lastStop.reason = .stepped
      }
    default: break
    }
  }

  /// Stops what else runs. What happens there at this moment is told later.
  private func stopOthers() {
    stop(living.filter { $0 !== current && $0.runningPlan != nil })
  }

  func stop(_ others: [Inferior]) {
    for other in others {
      // A world that is gone has told its end as a stop.
      do throws(WorldError) { try other.world.interrupt() } catch {}
    }
    let deadline = ContinuousClock.now + Self.patienceWithOthers
    for other in others {
      guard hasStopped(other, by: deadline) else {
        leave(other)
        continue
      }
      while let event = other.world.takeStop() {
        if event.reason == .interrupted { other.lastStop = event } else { other.untold.append(event) }
      }
      other.runningPlan = nil
    }
  }

  /// Whether the current program goes on although it has stopped.
  private func goesOn(after event: StopEvent) -> Bool {
    if case .signal(let number) = event.reason, passedSignals.contains(number),
      resumeDelivering(number, to: event.thread)
    {
      return true
    }
    return event.reason == .breakpoint && goesOnUntold(event.thread)
  }

  /// The signal that a stop is told with.
  ///
  /// The trap at which a program is launched or taken hold of is none of its signals; lldb, which
  /// takes most signals for a crash, expects SIGSTOP.
  var signalOfStop: SignalNumber {
    if client.isLLDB, isFresh, lastStop.reason == .signal(SIGTRAP) {
      return client.signals.wire(SIGSTOP)
    }
    switch lastStop.reason {
    case .breakpoint, .watchpoint, .stepped, .execed, .systemCallEntry, .systemCallReturn, .forked,
      .vforked, .vforkDone, .threadCreated, .cloned:
      return .trap
    case .signal(let number), .killed(let number): return client.signals.wire(number)
    case .interrupted: return stopsQuietly ? .none : .interrupt
    case .exited, .threadExited, .noneResumed: return .none
    }
  }

  /// The reply that tells `lastStop`; it uses up an interrupt that the stop answers.
  func stopReply() -> Reply {
    if case .interrupted = lastStop.reason, interruption != .none {
      stopsQuietly = interruption == .askedQuietly
      interruption = .none
    }
    let process = UInt64(current.processID)
    let reply: StopReply =
      switch lastStop.reason {
      case .exited(let status):
        .exited(status: UInt8(truncatingIfNeeded: status), process: process)
      case .killed: .killed(signal: signalOfStop, process: process)
      case .breakpoint: .stopped(stop(breakReason()))
      case .watchpoint(let hit): .stopped(stop(.watchpoint(hit.wireKind, hit.address.rawValue)))
      case .stepped, .signal, .interrupted: .stopped(stop())
      case .systemCallEntry(let number):
        .stopped(stop(.systemCallEntry(UInt32(bitPattern: number))))
      case .systemCallReturn(let number):
        .stopped(stop(.systemCallReturn(UInt32(bitPattern: number))))
      case .forked(let child): .stopped(stop(.forked(firstThread(of: child))))
      case .vforked(let child): .stopped(stop(.vforked(firstThread(of: child))))
      case .vforkDone: .stopped(stop(.vforkDone))
      case .threadCreated: .stopped(stop(.created))
      case .cloned(let child): .stopped(stop(.cloned(name(of: child))))
      case .threadExited(let status):
        .threadExited(
          status: UInt8(truncatingIfNeeded: status), thread: name(of: lastStop.thread))
      case .noneResumed: client.understandsNoneResumed ? .noneResumed : .stopped(stop())
      case .execed(let path):
        .stopped(stop(client.understandsExec ? .executed(path: Array(path.utf8)) : nil))
      }
    return trimmed(Reply(reply.encoded(multiprocess: client.isMultiprocess)))
  }

  /// The same for a client that had no part in it: a signal and an end are told as what they are, and
  /// anything else just as a stop, because a client that set no breakpoint would pass over one's hit.
  func stopReplyForOnlooker() -> Reply {
    switch lastStop.reason {
    case .exited, .killed, .signal: return stopReply()
    default:
      let reply = StopReply.stopped(stop(signal: SignalNumber.none))
      return trimmed(Reply(reply.encoded(multiprocess: client.isMultiprocess)))
    }
  }

  private func firstThread(of process: Int32) -> ThreadName {
    ThreadName(process: UInt64(process), thread: UInt64(process))
  }

  private func stop(
    _ reason: StopReply.Stop.Reason? = nil, signal: SignalNumber? = nil
  ) -> StopReply.Stop {
    let thread = lastStop.thread
    let numbers = client.isLLDB ? Self.generalRegisters : Self.frameRegisters
    var stop = StopReply.Stop(
      signal: signal ?? signalOfStop, reason: reason, expedited: expedited(of: thread, numbers),
      thread: name(of: thread))
    if client.countsMoves { stop.moves = moves }
    if client.isLLDB {
      stop.debugger = StopReply.DebuggerFields(
        name: commandName(of: thread), reason: reasonForLLDB, description: stopDescription,
        threads: client.wantsThreadsInStops ? places : [])
    }
    return stop
  }

  /// Where all threads stand.
  private var places: [StopReply.Place] {
    world.threads.compactMap { thread in
      do throws(WorldError) {
        let registers = try world.registers(of: thread, extended: false)
        return StopReply.Place(
          thread: UInt64(thread.rawValue), programCounter: registers.general.rip)
      } catch {
        // It ended after the list was made.
        return nil
      }
    }
  }

  /// Why the program stands still, in lldb's words; nil for a stop that somebody asked for quietly.
  var reasonForLLDB: String? {
    switch lastStop.reason {
    case .breakpoint: "breakpoint"
    case .watchpoint: "watchpoint"
    case .stepped, .systemCallEntry, .systemCallReturn: "trace"
    case .signal: "signal"
    case .interrupted: signalOfStop == .none ? nil : "signal"
    case .execed: "exec"
    case .forked: "fork"
    case .vforked: "vfork"
    case .vforkDone: "vforkdone"
    case .threadCreated, .cloned, .threadExited, .noneResumed: nil
    case .exited, .killed: nil
    }
  }

  /// More about the stop, in the words that lldb parses.
  var stopDescription: [UInt8]? {
    if case .watchpoint(let hit) = lastStop.reason { return Array("\(hit.address.rawValue)".utf8) }
    guard case .signal(let number) = lastStop.reason else { return nil }
    do throws(WorldError) {
      let information = try world.signalInformation(of: lastStop.thread)
      let description = FaultDescription(signal: number, information: information)
      return description.map { Array($0.text.utf8) }
    } catch {
      return nil
    }
  }

  func expedited(of thread: ThreadID, _ numbers: [Int]) -> [StopReply.Expedited] {
    if current.isAway { return [] }
    let registers: Registers
    do throws(WorldError) {
      registers = try world.registers(of: thread, extended: false)
    } catch {
      // The thread died after its stop; the client asks, and is told then.
      return []
    }
    return numbers.compactMap { number in
      layout.register(number, of: registers).map { StopReply.Expedited(number: number, bytes: $0) }
    }
  }

  /// Told only in words that the client offered to understand.
  private func breakReason() -> StopReply.Stop.Reason? {
    let isHardware = breakpoints.kinds.isEmpty ? false : isOnlyHardware()
    if isHardware { return client.understandsHardwareBreak ? .hardwareBreakpoint : nil }
    return client.understandsSoftwareBreak ? .softwareBreakpoint : nil
  }

  private func isOnlyHardware() -> Bool {
    do throws(WorldError) {
      let registers = try world.registers(of: lastStop.thread, extended: false)
      return breakpoints.kinds[Address(registers.general.rip)] == [.hardware]
    } catch {
      return false
    }
  }
}

extension WatchHit {
  /// As a stop reply names it.
  var wireKind: BreakpointPacket.Kind {
    switch kind {
    case .write: .write
    case .read: .read
    case .access: .access
    }
  }
}
