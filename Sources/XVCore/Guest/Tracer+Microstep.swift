// SPDX-License-Identifier: GPL-3.0-only
package import CLinux
import Glibc

/// One stop of the processor inside the cache or the gate, and the original state recovered there.
package struct Microstep: Sendable {
  /// Where the processor stood.
  package var place: CacheAddress
  /// The recovered state.
  package var registers: user_regs_struct
  /// The eight bytes at the recovered rsp.
  package var stackTop: UInt64
}

/// A run of the processor's single steps through translated code.
package struct MicrostepRun: Sendable {
  package var steps: [Microstep] = []
  /// The code bytes at each place.
  package var code: [UInt64: [UInt8]] = [:]
  /// How the program ended; nil when a limit was reached first.
  package var ending: StopReason?
  /// It ended with its race.
  package var isRaced = false
}

/// What another thread of the program could do while this one stands before an instruction.
package struct MicrostepRace: Sendable {
  /// The instruction's first bytes.
  package var instruction: [UInt8]
  /// What is written where.
  package var bytes: [UInt8]
  package var address: OriginalAddress

  package init(before instruction: [UInt8], writing bytes: [UInt8], at address: OriginalAddress) {
    self.instruction = instruction
    self.bytes = bytes
    self.address = address
  }
}

extension Guest {
  /// Runs the stopped guest, which has one thread and takes no signals, to its end by the processor's
  /// single steps, and recovers the original state at every one of them.
  ///
  /// Tests compare this with the same program's native steps. The program must not block SIGTRAP.
  ///
  /// With a race, it runs until that has happened and its instruction is done, and is stopped right there.
  package func microstep(
    limit: Int, seconds: Int, until race: MicrostepRace? = nil
  ) throws(GuestError) -> MicrostepRun {
    try whileStopped { tracer throws(GuestError) in
      tracer.microstep(limit: limit, seconds: seconds, until: race)
    }
  }
}

extension Tracer {
  func microstep(limit: Int, seconds: Int, until race: MicrostepRace?) -> MicrostepRun {
    let thread = ThreadID(process)
    let deadline = time(nil) + seconds
    var run = MicrostepRun()
    // What the server carries out for the thread comes back to this loop as a finished step.
    threads[thread]?.action = ResumePlan.Action(.step)
    applyCheckedWatchpoints()
    isStopped = false
    guard place(thread, skippingProbe: false) else { return run }
    while run.steps.count < limit, time(nil) < deadline {
      note(thread, &run)
      if let race, let place = run.steps.last?.place.rawValue, run.code[place]?.starts(with: race.instruction) == true {
        run.isRaced = writeMemory(race.bytes, race.address.rawValue) == race.bytes.count
      }
      control.singleStep(thread)
      guard let event = waitForStep(thread, deadline: deadline) else { return run }
      switch event {
      case .signal(SIGTRAP), .stopped: break
      case .exiting:
        control.resume(thread, signal: 0)
        guard let end = nextEvent(of: thread) else { return run }
        if case .exited(let status) = end { run.ending = .exited(status) }
        handle(thread, end)
        return run
      case .exited(let status): run.ending = .exited(status)
      case .killed(let signal): run.ending = .killed(signal)
      case .signal(let signal):
        run.ending = .signal(signal)
        note(thread, &run)
      default: return run
      }
      if run.ending != nil {
        handle(thread, event)
        return run
      }
      if run.isRaced {
        canonicalize(thread)
        isStopped = true
        return run
      }
      guard let reason = parking(thread) else { continue }
      canonicalize(thread)
      if reason == .exit(.watched) {
        guard place(thread, skippingProbe: true) else { return run }
        continue
      }
      carryOut(thread)
      guard isStopped, place(thread, skippingProbe: false) else { return run }
      isStopped = false
    }
    return run
  }

  private func parking(_ thread: ThreadID) -> Engine.Parking.Reason? {
    engine?.lock.locked { engine?.parked[thread]?.reason }
  }

  /// A thread that sleeps in the gate for the tracer's sake is interrupted.
  private func waitForStep(_ thread: ThreadID, deadline: time_t) -> ControlEvent? {
    var isInterrupted = false
    while time(nil) < deadline {
      if let event = try? control.pollEvent(of: thread) { return event }
      if !isInterrupted, parking(thread) != nil {
        control.interrupt(thread)
        isInterrupted = true
      }
      sched_yield()
    }
    return nil
  }

  private func note(_ thread: ThreadID, _ run: inout MicrostepRun) {
    guard let engine, let live = try? control.registers(thread) else { return }
    var registers = live
    let top = word(UInt64(live.rsp))
    engine.lock.locked {
      guard let context = engine.contexts[thread] else { return }
      engine.translator.pointee.process = thread.rawValue
      let kind = context.load32(ContextLayout.kind)
      defer { context.store32(ContextLayout.kind, kind) }
      _ = engine.translator.pointee.recover(
        &registers, context: context, gate: engine.gate, gateBase: engine.guestCore)
    }
    run.steps.append(
      Microstep(
        place: CacheAddress(UInt64(live.rip)), registers: registers,
        stackTop: word(UInt64(registers.rsp))))
    // Recovery mends the stack, and the request above, for a thread that leaves the cache; this one
    // goes on inside.
    if word(UInt64(live.rsp)) != top {
      var old = top
      xv_write_remote(process, UInt64(live.rsp), &old, 8)
    }
    if run.code[UInt64(live.rip)] == nil {
      var bytes = [UInt8](repeating: 0, count: 15)
      _ = xv_read_remote(process, UInt64(live.rip), &bytes, bytes.count)
      run.code[UInt64(live.rip)] = bytes
    }
  }

  private func word(_ address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    _ = xv_read_remote(process, address, &value, 8)
    return value
  }
}
