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
    guard let event = world.takeStop() else { return nil }
    if case .signal(let number) = event.reason, passedSignals.contains(number),
      resumeDelivering(number, to: event.thread)
    {
      return nil
    }
    if event.reason == .breakpoint, goesOnUntold(event.thread) { return nil }
    lastStop = event
    runningPlan = nil
    generalThread = event.thread
    transfers.forget()
    if case .execed = event.reason { clearBreakpoints() }
    return stopReply()
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
    case .breakpoint, .watchpoint, .stepped, .execed, .systemCallEntry, .systemCallReturn:
      return .trap
    case .signal(let number), .killed(let number): return client.signals.wire(number)
    case .interrupted: return stopsQuietly ? .none : .interrupt
    case .exited: return .none
    }
  }

  /// The reply that tells `lastStop`; it uses up an interrupt that the stop answers.
  func stopReply() -> Reply {
    if case .interrupted = lastStop.reason, interruption != .none {
      stopsQuietly = interruption == .askedQuietly
      interruption = .none
    }
    let process = UInt64(world.processID)
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
      case .execed(let path):
        .stopped(stop(client.understandsExec ? .executed(path: Array(path.utf8)) : nil))
      }
    return Reply(reply.encoded(multiprocess: client.isMultiprocess))
  }

  private func stop(_ reason: StopReply.Stop.Reason? = nil) -> StopReply.Stop {
    let thread = lastStop.thread
    let numbers = client.isLLDB ? Self.generalRegisters : Self.frameRegisters
    var stop = StopReply.Stop(
      signal: signalOfStop, reason: reason, expedited: expedited(of: thread, numbers),
      thread: name(of: thread))
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
