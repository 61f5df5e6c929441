// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
internal import Glibc
package import RSP
internal import WorldVM
internal import XVCore

extension StubSession {
  /// Numbers in the target description of what every stop is looked at for: rbp, rsp, rip.
  private static let expeditedRegisters = [6, 7, 16]

  package func takeStopReply() -> Reply? {
    guard let event = world.takeStop() else { return nil }
    if case .signal(let number) = event.reason, passedSignals.contains(number),
      resumeDelivering(number, to: event.thread)
    {
      return nil
    }
    lastStop = event
    runningPlan = nil
    generalThread = event.thread
    transfers.forget()
    if case .execed = event.reason { clearBreakpoints() }
    return stopReply()
  }

  /// The reply that tells `lastStop`; it uses up an interrupt that the stop answers.
  func stopReply() -> Reply {
    let process = UInt64(world.processID)
    let reply: StopReply =
      switch lastStop.reason {
      case .exited(let status):
        .exited(status: UInt8(truncatingIfNeeded: status), process: process)
      case .killed(let signal):
        .killed(signal: SignalNumber(linux: signal), process: process)
      case .breakpoint: .stopped(stop(.trap, breakReason()))
      case .stepped: .stopped(stop(.trap))
      case .signal(let number): .stopped(stop(SignalNumber(linux: number)))
      case .interrupted: .stopped(stop(interruption == .askedQuietly ? .none : .interrupt))
      case .execed(let path):
        .stopped(stop(.trap, client.understandsExec ? .executed(path: Array(path.utf8)) : nil))
      }
    if case .interrupted = lastStop.reason { interruption = .none }
    return Reply(reply.encoded(multiprocess: client.isMultiprocess))
  }

  private func stop(
    _ signal: SignalNumber, _ reason: StopReply.Stop.Reason? = nil
  ) -> StopReply.Stop {
    StopReply.Stop(
      signal: signal, reason: reason, expedited: expedited(), thread: name(of: lastStop.thread))
  }

  private func expedited() -> [StopReply.Expedited] {
    let registers: Registers
    do throws(WorldError) {
      registers = try world.registers(of: lastStop.thread, extended: false)
    } catch {
      // The thread died after its stop; the client asks, and is told then.
      return []
    }
    return Self.expeditedRegisters.compactMap { number in
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
