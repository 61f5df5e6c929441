// SPDX-License-Identifier: GPL-3.0-only
internal import CLinux
import Glibc

/// Signals. The sequence of events and what can come between them: docs/sequences/signals.md.
extension Tracer {
  /// A thread stands before the delivery of a signal, or has arrived at a handler.
  func signalled(_ thread: ThreadID, _ signal: Int32) {
    guard let state = threads[thread] else { return control.resume(thread, signal: signal) }
    if state.state == .enteringHandler, signal == SIGTRAP { return arrivedAtHandler(thread) }
    if state.state == .raisingTrap, signal == SIGTRAP { return raisedTrap(thread) }
    if state.state == .running, signal == SIGTRAP, isTraceTrap(thread) { return tracedInCache(thread) }
    if signal == SIGTRAP, let met = takeMetRegisters(thread) { return accessed(thread, met) }
    engine?.lock.locked { engine?.translator.pointee.counters.signals &+= 1 }
    if state.silentSignal == signal {
      threads[thread]?.silentSignal = 0
    } else if isDebugged(thread) {
      canonicalize(thread)
      mendInformation(thread, signal)
      if signalEndsCall(thread, signal) { return }
      threads[thread]?.stoppedBySignal = signal
      if hasStepped(thread, before: signal) {
        threads[thread]?.pending = .signal(signal)
        return finishStep(thread)
      }
      return stopWorld(thread, .signal(signal))
    } else if isHarmless(thread, signal) {
      return control.resume(thread, signal: signal)
    }
    canonicalize(thread)
    mendInformation(thread, signal)
    deliver(thread, signal)
  }

  /// Whether the instruction of a debugger's step was done when the signal came, although the thread has
  /// not said so yet. The processor's trap would have come first: the step is told, then the signal.
  private func hasStepped(_ thread: ThreadID, before signal: Int32) -> Bool {
    guard let state = threads[thread], state.action.kind != .run, let start = state.stepStart,
      state.caughtCall == nil, UInt64(state.registers.general.orig_rax) == UInt64.max
    else { return false }
    // These are the instruction's own.
    let isFault = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS].contains(signal)
    return !isFault && UInt64(state.registers.general.rip) != start
  }

  /// A canonical thread stands before the delivery of a signal of which nobody has been told.
  func take(_ signal: Int32, by thread: ThreadID) {
    if threads[thread]?.silentSignal == signal {
      threads[thread]?.silentSignal = 0
    } else if isDebugged(thread) {
      if signalEndsCall(thread, signal) { return }
      return stopWorld(thread, .signal(signal))
    }
    deliver(thread, signal)
  }

  /// Whether the delivery changes nothing about the thread: ignored, or a job-control stop.
  private func isHarmless(_ thread: ThreadID, _ signal: Int32) -> Bool {
    guard let handler = engine?.lock.locked({ engine?.handlers[thread]?[signal].handler }) else {
      return false
    }
    if handler == 1 { return true }
    let defaultIgnoredOrStopping = [
      SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
    ]
    return handler == 0 && defaultIgnoredOrStopping.contains(signal)
  }

  /// Delivers a signal to a canonical thread that stands before the delivery of just this signal.
  func deliver(_ thread: ThreadID, _ signal: Int32) {
    guard let engine, var state = threads[thread] else { return }
    let (isCaught, context) = engine.lock.locked {
      (engine.handlers[thread]?.isCaught(signal) ?? false, engine.contexts[thread])
    }
    if !isCaught, isHarmless(thread, signal) {
      state.stoppedBySignal = 0
      threads[thread] = state
      return enterDropping(thread, signal)
    }
    var registers = state.registers.general
    if let context { registers.gs_base = numericCast(context.guestAddress) }
    guard (try? control.setRegisters(thread, registers)) != nil else { return }
    state.stoppedBySignal = 0
    state.state = isCaught ? .enteringHandler : .running
    threads[thread] = state
    if isCaught {
      trace("[\(thread)] signal \(signal) at \(OriginalAddress(UInt64(registers.rip)))")
      engine.lock.locked {
        engine.handlers[thread]?.delivered(signal)
        engine.tortureClock.enterHandler(thread)
      }
      control.enterHandler(thread, signal: signal)
    } else {
      trace("[\(thread)] dies of \(signal) at \(OriginalAddress(UInt64(registers.rip))) rsp \(OriginalAddress(UInt64(registers.rsp)))")
      control.resume(thread, signal: signal)  // its end
    }
  }

  /// The signal does nothing to the program, but the kernel must see it (job control, SIGCONT).
  private func enterDropping(_ thread: ThreadID, _ signal: Int32) {
    if [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].contains(signal) {
      // Delivered again while it runs: the stop then finds it in the cache, where it may rest.
      threads[thread]?.silentSignal = signal
      _ = xv_tgkill(threads[thread]?.processID ?? process, thread.rawValue, signal)
    }
    if isDebugged(thread), threads[thread]?.action.kind != .run { return step(thread) }
    enter(thread)
  }

  private func arrivedAtHandler(_ thread: ThreadID) {
    guard var registers = try? control.registers(thread) else { return }
    keepTrapFlag(thread, frame: UInt64(registers.rsp))
    engine?.lock.locked {
      if let context = engine?.contexts[thread] {
        registers.gs_base = numericCast(context.load64(ContextLayout.guestGSBase))
      }
    }
    registers.orig_rax = numericCast(UInt64.max)
    threads[thread]?.registers = Registers(general: registers)
    threads[thread]?.state = .canonical
    if isStopping { return }
    switch threads[thread]?.action.kind {
    case .step, .stepWithin: stopWorld(thread, .stepped)
    default: enter(thread)
    }
  }

  /// A step onto a handler leaves the trap flag in the frame when the interrupted instruction is popf or
  /// iret (arch/x86/kernel/step.c, is_setting_trap_flag): the frame's flags are made what they were.
  ///
  /// struct rt_sigframe: a return address, the ucontext, whose sigcontext at 40 has eflags as 18th word.
  private func keepTrapFlag(_ thread: ThreadID, frame: UInt64) {
    let place = frame &+ 184
    guard let engine, let state = threads[thread],
      var flags = engine.lock.locked({ () -> [UInt64]? in
        engine.translator.pointee.process = thread.rawValue
        return engine.readWords(place, 1)
      })?[0]
    else { return }
    let before = UInt64(state.registers.general.eflags)
    guard (flags ^ before) & TrapStep.flag != 0 else { return }
    flags ^= TrapStep.flag
    xv_write_remote(thread.rawValue, place, &flags, 8)
  }

  /// Whether the instruction at which a running thread was stopped has raised a signal that is still to be
  /// told: the kernel tells a stop that was asked for before any signal (kernel/signal.c, get_signal).
  func awaitsFault(_ thread: ThreadID) -> Bool {
    guard threads[thread]?.state == .running,
      !control.pendingSignals(thread, ofProcess: false, most: 1).isEmpty,
      let status = ProcessStatus(of: thread.rawValue)
    else { return false }
    return status.signals("SigPnd") & ~status.signals("SigBlk") & Tracer.synchronousSignals != 0
  }

  /// si_addr of a fault that names the instruction itself must name the original one.
  func mendInformation(_ thread: ThreadID, _ signal: Int32) {
    guard [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP].contains(signal), let engine,
      var information = control.signalInformation(thread), let state = threads[thread]
    else { return }
    let code = word32(information, 8)
    let isFromKernel = code > 0 && code < 0x80 || code == 0x80
    guard isFromKernel else { return }
    let place = (0..<8).reduce(UInt64(0)) { $0 | UInt64(information[16 + $1]) << UInt64($1 * 8) }
    let isCache = engine.lock.locked { engine.translator.pointee.isCache(place) }
    if isCache {
      let pc = UInt64(state.registers.general.rip)
      for index in 0..<8 {
        information[16 + index] = UInt8(truncatingIfNeeded: pc >> UInt64(index * 8))
      }
      control.setSignalInformation(thread, information)
    } else if signal == SIGSEGV, options.guardOriginalCode,
      place == UInt64(state.registers.general.rip)
    {
      let leaked = engine.lock.locked {
        engine.translator.pointee.ranges.area(containing: place) != nil
      }
      let next = (place &+ 14) & ~0xfff
      let straddles = engine.lock.locked {
        place & 0xfff > 0xff1 && engine.translator.pointee.ranges.area(containing: next) == nil
      }
      if leaked, straddles {
        // Natively the fetch faults on the page that is missing, not on the one that guard mode closed.
        for index in 0..<8 {
          information[16 + index] = UInt8(truncatingIfNeeded: next >> UInt64(index * 8))
        }
        control.setSignalInformation(thread, information)
      } else if leaked {
        let text = "xv: original code was reached at \(OriginalAddress(place)): a bug of xv\n"
        _ = write(STDERR_FILENO, text, text.utf8.count)
      }
    }
  }

  func word32(_ bytes: [UInt8], _ offset: Int) -> Int32 {
    (0..<4).reduce(Int32(0)) { $0 | Int32(bytes[offset + $1]) << Int32($1 * 8) }
  }
}
